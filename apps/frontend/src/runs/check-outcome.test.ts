import { expect, test } from "vitest";
import { describeOutcome, verdictOfCommand, verdictOfJudge } from "./check-outcome.ts";
import { exited } from "./entries/sample-messages.ts";

test("a command that could not be run says nothing about the work, and is no failure", () => {
  const broken = { ...exited("vitets", 127), output: "bash: line 1: vitets: command not found\n" };
  expect([verdictOfCommand(broken), describeOutcome(broken)]).toEqual(["undecided", "could not be run"]);
  const failed = { ...exited("./run", 127), output: "my own words" };
  expect([verdictOfCommand(failed), describeOutcome(failed)]).toEqual(["failed", "exit code 127"]);
  expect(verdictOfCommand(exited("true", 0))).toBe("passed");
});

test("a judge without a verdict is neither content nor the contrary", () => {
  const verdicts = [{ passed: true, evidence: "x" }, { passed: false, evidence: "x" }, null];
  expect(verdicts.map((verdict) => verdictOfJudge({ seq: 1, verdict, problem: null }))).toEqual([
    "passed",
    "failed",
    "undecided",
  ]);
});
