import type { Limits } from "./limits.ts";

/** Whether a request is looked at, and what it is told if not. */
export type Admission = { status: "admitted" } | { status: "busy"; message: string } | { status: "flood"; message: string };

const WINDOW_MS = 60_000;

/** Counts the requests of one run per minute, so that a flood costs one summary record instead of a full disk. */
export type Admissions = {
  /** To be asked once per request, with the exchanges under way and whether records can be written. */
  admit(state: { underWay: number; isAuditWritable: boolean }): Admission;
  /** Whether a refusal that was just made gets its own record; if not it is counted for the summary. */
  mayRecordRefusal(): boolean;
  /** Counts a refusal that is told in the summary alone. */
  countUnrecorded(): void;
  /** The refusals without a record since the last call. */
  takeUnrecorded(): number;
};

export const createAdmissions = (limits: Limits, now: () => number): Admissions => {
  let windowStart = now();
  let requests = 0;
  let refusals = 0;
  let unrecorded = 0;

  const openWindow = () => {
    if (now() - windowStart < WINDOW_MS) return;
    windowStart = now();
    requests = 0;
    refusals = 0;
  };

  return {
    admit: ({ underWay, isAuditWritable }) => {
      openWindow();
      requests += 1;
      if (!isAuditWritable) {
        return {
          status: "busy",
          message: "The gateway cannot write its audit log, and lets nothing through unrecorded. Try again later.",
        };
      }
      if (refusals > limits.refusalsPerMinute) {
        return { status: "flood", message: "Too many refused requests from this run. Wait a minute." };
      }
      if (requests > limits.requestsPerMinute)
        return { status: "flood", message: "Too many requests from this run. Wait a minute." };
      if (underWay >= limits.exchanges) {
        return {
          status: "busy",
          message: `This run has ${limits.exchanges} requests under way, which is the limit. Try again later.`,
        };
      }
      return { status: "admitted" };
    },
    mayRecordRefusal: () => {
      openWindow();
      refusals += 1;
      if (refusals <= limits.refusalsPerMinute) return true;
      unrecorded += 1;
      return false;
    },
    countUnrecorded: () => {
      unrecorded += 1;
    },
    takeUnrecorded: () => {
      const taken = unrecorded;
      unrecorded = 0;
      return taken;
    },
  };
};
