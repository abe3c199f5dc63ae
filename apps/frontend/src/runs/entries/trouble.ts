import { verdictOfCommand, verdictOfJudge } from "../check-outcome.ts";
import { type Entry, insideOf } from "./entry.ts";
import { commonStart } from "./rows.ts";

/** Whether an entry tells of something that went wrong. */
export const isTrouble = (entry: Entry): boolean => {
  switch (entry.kind) {
    case "text":
      return entry.error !== null;
    case "tool":
      return entry.denied !== null || (entry.result?.isError === true && !entry.result.interrupted);
    case "hook":
      return entry.state === "error";
    case "command":
      return entry.isError;
    case "compact":
      return entry.state === "failed";
    case "rate_limit":
      return entry.status === "rejected";
    case "notice":
      return entry.level === "error";
    case "check":
      return entry.result !== null && verdictOfCommand(entry.result) !== "passed";
    case "judge":
      return entry.end !== null && verdictOfJudge(entry.end) !== "passed";
    case "stage":
      return entry.state === "failed";
    case "result":
      return !entry.ok && !entry.interrupted;
    case "outcome":
      return entry.outcome.kind === "failed";
    case "status":
      return entry.status === "failed" || entry.status === "errored";
    case "refused":
      return true;
    case "retry":
    case "thinking":
    case "prompt":
    case "init":
    case "signals":
    case "retracted":
    case "said":
    case "question":
    case "interrupted":
    case "configured":
    case "host_allowed":
    case "step":
    case "step_end":
    case "note":
    case "unknown":
      return false;
  }
};

/** How many entries tell of trouble: in all, and in each of the outermost with what stands inside of it. */
export type Tally = { entries: readonly Entry[]; counts: readonly number[]; total: number };

export const noTally: Tally = { entries: [], counts: [], total: 0 };

const troublesIn = (entry: Entry): number =>
  insideOf(entry).reduce((sum, inner) => sum + troublesIn(inner), isTrouble(entry) ? 1 : 0);

/** Counts anew what changed since `before`, and nothing else. */
export const tally = (before: Tally, entries: readonly Entry[]): Tally => {
  const same = commonStart(before.entries, entries);
  if (same === entries.length && same === before.entries.length) return before;
  const counts = before.counts.slice(0, same);
  let { total } = before;
  for (let index = same; index < before.counts.length; index += 1) total -= before.counts[index] ?? 0;
  for (let index = same; index < entries.length; index += 1) {
    const entry = entries[index];
    if (entry === undefined) break;
    const count = before.entries[index] === entry ? (before.counts[index] ?? 0) : troublesIn(entry);
    counts.push(count);
    total += count;
  }
  return { entries, counts, total };
};
