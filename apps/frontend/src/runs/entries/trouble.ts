import { verdictOfCommand, verdictOfJudge } from "../check-outcome.ts";
import type { Entry } from "./entry.ts";

/** Whether an entry tells of something that went wrong. */
export const isTrouble = (entry: Entry): boolean => {
  switch (entry.kind) {
    case "text":
      return entry.error !== null;
    case "tool":
      return entry.result?.isError === true && !entry.result.interrupted;
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
    case "compact":
    case "notice":
    case "step":
    case "step_end":
    case "note":
    case "unknown":
      return false;
  }
};
