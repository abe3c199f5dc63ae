import { describe, expect, test } from "vitest";
import { exited, runner, transcriptOf } from "./sample-messages.ts";
import { advanceSteps, attemptState, type StepAttempt, type Steps, stepState } from "./steps.ts";

const none: Steps = new Map();
const attemptsOf = (...parts: Parameters<typeof transcriptOf>): readonly StepAttempt[] =>
  transcriptOf(...parts)
    .reduce(advanceSteps, none)
    .get(0) ?? [];

const begins = (attempt: number) => runner({ type: "step_started", stepIndex: 0, attempt, instructions: "x" });
const ends = (attempt: number, passed: boolean) => runner({ type: "step_finished", stepIndex: 0, attempt, passed });
const starts = (command: string, attempt = 1) => runner({ type: "check_started", stepIndex: 0, attempt, command });
const gives = (command: string, exitCode: number, attempt = 1) =>
  runner({ type: "check_finished", stepIndex: 0, attempt, result: exited(command, exitCode) });
const sandboxDies = runner({ type: "resumed", after: "sandbox", text: "The checks begin again in a new sandbox." });
const shown = ({ checks, begun }: StepAttempt) => ({
  checks: checks.map(({ command, result }) => [command, result?.passed ?? null]),
  begun,
});

describe("attempts", () => {
  test("each has its own checks, and the step stands as the last one does", () => {
    const attempts = attemptsOf(begins(1), starts("a"), gives("a", 0), starts("b"), gives("b", 1), ends(1, false), begins(2));
    expect(attempts.map(({ attempt, passed, checks }) => [attempt, passed, checks.length])).toEqual([
      [1, false, 2],
      [2, null, 0],
    ]);
    expect(attempts.map((attempt) => attemptState(attempt, false))).toEqual(["failed", "running"]);
    expect([stepState(attempts, false), stepState(attempts, true), stepState([], true)]).toEqual([
      "running",
      "stopped",
      "pending",
    ]);
    expect(stepState(attemptsOf(begins(1), ends(1, false), begins(2), ends(2, true)), true)).toBe("passed");
  });

  test("the verdict of the judge is the attempt's own", () => {
    const judge = { stepIndex: 0, attempt: 1 };
    const looks = runner({ type: "judge_started", ...judge, text: "Reads well." });
    const says = runner({
      type: "judge_finished",
      ...judge,
      verdict: { passed: false, evidence: "It does not." },
      problem: null,
    });
    expect(attemptsOf(begins(1), looks)[0]?.judge).toEqual({ text: "Reads well.", end: null });
    const attempts = attemptsOf(begins(1), looks, says, ends(1, false), begins(2));
    expect(attempts.map(({ judge: own }) => own?.end?.verdict?.passed)).toEqual([false, undefined]);
  });
});

describe("checks that begin again in a new sandbox", () => {
  test("are shown once each, with their last state", () => {
    const before = [begins(1), starts("a"), gives("a", 0), starts("b"), sandboxDies];
    expect(attemptsOf(...before).map(shown)).toEqual([
      {
        checks: [
          ["a", true],
          ["b", null],
        ],
        begun: 0,
      },
    ]);
    expect(attemptsOf(...before, starts("a")).map(shown)).toEqual([
      {
        checks: [
          ["a", null],
          ["b", null],
        ],
        begun: 1,
      },
    ]);
    expect(attemptsOf(...before, starts("a"), gives("a", 0), starts("b"), gives("b", 1)).map(shown)).toEqual([
      {
        checks: [
          ["a", true],
          ["b", false],
        ],
        begun: 2,
      },
    ]);
  });

  test("are known also where nothing told that the sandbox died", () => {
    expect(attemptsOf(begins(1), starts("a"), starts("a"), gives("a", 0)).map(shown)).toEqual([
      { checks: [["a", true]], begun: 1 },
    ]);
  });

  test("a command that stands twice in a step stays two checks", () => {
    const twice = [starts("a"), gives("a", 0), starts("a"), gives("a", 0)];
    expect(attemptsOf(begins(1), ...twice).map(shown)).toEqual([
      {
        checks: [
          ["a", true],
          ["a", true],
        ],
        begun: 2,
      },
    ]);
    expect(attemptsOf(begins(1), ...twice.slice(0, 3), sandboxDies, ...twice).map(shown)).toEqual([
      {
        checks: [
          ["a", true],
          ["a", true],
        ],
        begun: 2,
      },
    ]);
  });

  test("a sandbox that dies before any check changes nothing", () => {
    const steps = transcriptOf(begins(1)).reduce(advanceSteps, none);
    expect(transcriptOf(begins(1), sandboxDies).slice(1).reduce(advanceSteps, steps)).toBe(steps);
  });
});
