import type { CheckResult } from "@ccr/protocol";
import { formatDuration } from "../ui/format.ts";

/** How a check ended, in few words. */
export const describeOutcome = ({ outcome }: Pick<CheckResult, "outcome">): string => {
  switch (outcome.kind) {
    case "exited":
      return `exit code ${outcome.exitCode}`;
    case "killed":
      return `killed by ${outcome.signal}`;
    case "timed_out":
      return `out of time after ${formatDuration(outcome.afterMs)}`;
  }
};
