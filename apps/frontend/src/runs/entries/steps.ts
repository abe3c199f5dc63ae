import type { Message } from "@ccr/protocol";
import { outputPath } from "../check-outcome.ts";
import type { CheckEntry, JudgeEntry } from "./entry.ts";

export type StepCheck = Pick<CheckEntry, "command" | "result" | "wholeOutput">;
export type StepJudge = Pick<JudgeEntry, "text" | "end">;

export type StepAttempt = {
  attempt: number;
  /** Where the attempt begins in the transcript. */
  seq: number;
  startedAt: string;
  endedAt: string | null;
  passed: boolean | null;
  /** Each once, with its last state. */
  checks: readonly StepCheck[];
  /** How many of the checks were begun since they last began from the first. */
  begun: number;
  judge: StepJudge | null;
};

/** The attempts at each step, in order. */
export type Steps = ReadonlyMap<number, readonly StepAttempt[]>;

const replaceLast = <T>(list: readonly T[], change: (last: T) => T): readonly T[] => {
  const last = list.at(-1);
  return last === undefined ? list : [...list.slice(0, -1), change(last)];
};

/** A check begins: a new one, or one that ran before in a sandbox that is gone. */
const beginCheck = (attempt: StepAttempt, command: string): StepAttempt => {
  const { checks, begun } = attempt;
  const check = { command, result: null, wholeOutput: null };
  const isOpen = (index: number): boolean => checks[index]?.command === command && checks[index].result === null;
  if (isOpen(begun - 1)) return attempt;
  if (checks[begun]?.command === command) return { ...attempt, begun: begun + 1, checks: checks.with(begun, check) };
  return { ...attempt, begun: checks.length + 1, checks: [...checks, check] };
};

const endCheck = (attempt: StepAttempt, check: StepCheck): StepAttempt => {
  const { checks } = attempt;
  const open = checks.findIndex(({ command, result }) => result === null && command === check.command);
  if (open !== -1) return { ...attempt, checks: checks.with(open, check) };
  return { ...attempt, begun: checks.length + 1, checks: [...checks, check] };
};

/** How the steps stand after one more message; the same map when the message is not about a step. */
export const advanceSteps = (steps: Steps, message: Message): Steps => {
  if (message.source !== "runner") return steps;
  const { runId, body, seq, at } = message;
  const change = (stepIndex: number, next: (attempts: readonly StepAttempt[]) => readonly StepAttempt[]): Steps =>
    new Map(steps).set(stepIndex, next(steps.get(stepIndex) ?? []));
  const changeLast = (stepIndex: number, next: (attempt: StepAttempt) => StepAttempt): Steps =>
    change(stepIndex, (attempts) => replaceLast(attempts, next));
  switch (body.type) {
    case "step_started": {
      const { attempt } = body;
      const begun = { attempt, seq, startedAt: at, endedAt: null, passed: null, checks: [], begun: 0, judge: null };
      return change(body.stepIndex, (attempts) => [...attempts, begun]);
    }
    case "step_finished":
      return changeLast(body.stepIndex, (attempt) => ({ ...attempt, endedAt: at, passed: body.passed }));
    case "check_started":
      return changeLast(body.stepIndex, (attempt) => beginCheck(attempt, body.command));
    case "check_finished": {
      const { result } = body;
      const check = { command: result.command, result, wholeOutput: outputPath(runId, body.keptOutput) };
      return changeLast(body.stepIndex, (attempt) => endCheck(attempt, check));
    }
    case "judge_started":
      return changeLast(body.stepIndex, (attempt) => ({ ...attempt, judge: { text: body.text, end: null } }));
    case "judge_finished": {
      const { verdict, problem } = body;
      return changeLast(body.stepIndex, (attempt) => ({
        ...attempt,
        judge: { text: attempt.judge?.text ?? "", end: { seq, verdict, problem } },
      }));
    }
    case "resumed": {
      // The checks begin from the first again.
      const stepIndex = Math.max(...steps.keys());
      if (body.after !== "sandbox" || (steps.get(stepIndex)?.at(-1)?.begun ?? 0) === 0) return steps;
      return changeLast(stepIndex, (attempt) => ({ ...attempt, begun: 0 }));
    }
    default:
      return steps;
  }
};

export type StepState = "pending" | "running" | "passed" | "failed" | "stopped";

/** The state of one attempt in a word; one that was begun in a run that has ended without a verdict was stopped. */
export const attemptState = ({ passed }: StepAttempt, runEnded: boolean): Exclude<StepState, "pending"> => {
  if (passed === null) return runEnded ? "stopped" : "running";
  return passed ? "passed" : "failed";
};

/** The state of one step in a word: that of its last attempt. */
export const stepState = (attempts: readonly StepAttempt[], runEnded: boolean): StepState => {
  const last = attempts.at(-1);
  return last === undefined ? "pending" : attemptState(last, runEnded);
};
