import { type CheckResult, isBroken, type RunId } from "@ccr/protocol";
import { formatDuration } from "../ui/format.ts";
import type { JudgeEntry } from "./entries/entry.ts";

/** How a check came out; `undecided`: it could not be carried out, and says nothing about the work. */
export type CheckVerdict = "passed" | "failed" | "undecided";

/** How a command of the checks came out. */
export const verdictOfCommand = (result: CheckResult): CheckVerdict => {
  if (result.passed) return "passed";
  return isBroken(result) ? "undecided" : "failed";
};

/** How a command of the checks ended, in few words. */
export const describeOutcome = (result: CheckResult): string => {
  const { outcome } = result;
  if (verdictOfCommand(result) === "undecided") return "could not be run";
  switch (outcome.kind) {
    case "exited":
      return `exit code ${outcome.exitCode}`;
    case "killed":
      return `killed by ${outcome.signal}`;
    case "timed_out":
      return `out of time after ${formatDuration(outcome.afterMs)}`;
  }
};

/** Where the server gives the whole output of a check that it keeps under this name; null: it keeps none. */
export const outputPath = (runId: RunId, keptOutput: string | undefined): string | null =>
  keptOutput === undefined ? null : `/runs/${runId}/checks/${keptOutput}.txt`;

/** How checks in prose came out. */
export const verdictOfJudge = ({ verdict }: NonNullable<JudgeEntry["end"]>): CheckVerdict => {
  if (verdict === null) return "undecided";
  return verdict.passed ? "passed" : "failed";
};

/** What a judge said in the end, in few words. */
export const JUDGED_WORDS: Record<CheckVerdict, string> = { passed: "passed", failed: "not met", undecided: "no verdict" };
