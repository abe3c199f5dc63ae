import type { Message } from "@ccr/protocol";
import type { CheckEntry } from "./entry.ts";

export type StepAttempt = {
  attempt: number;
  /** Where the attempt begins in the transcript. */
  seq: number;
  startedAt: string;
  endedAt: string | null;
  passed: boolean | null;
  checks: readonly Pick<CheckEntry, "seq" | "at" | "command" | "result">[];
};

export type StepProgress = { attempts: readonly StepAttempt[]; notJudged: readonly string[] };

export type Steps = ReadonlyMap<number, StepProgress>;

const none: StepProgress = { attempts: [], notJudged: [] };

const replaceLast = <T>(list: readonly T[], change: (last: T) => T): readonly T[] => {
  const last = list.at(-1);
  return last === undefined ? list : [...list.slice(0, -1), change(last)];
};

const indexOfOpenCheck = (attempt: StepAttempt, command: string): number =>
  attempt.checks.findIndex((check) => check.result === null && check.command === command);

/** How the steps stand after one more message; the same map when the message is not about a step. */
export const advanceSteps = (steps: Steps, message: Message): Steps => {
  if (message.source !== "runner") return steps;
  const { body, seq, at } = message;
  const change = (stepIndex: number, next: (progress: StepProgress) => StepProgress): Steps =>
    new Map(steps).set(stepIndex, next(steps.get(stepIndex) ?? none));
  const changeAttempt = (stepIndex: number, next: (attempt: StepAttempt) => StepAttempt): Steps =>
    change(stepIndex, (progress) => ({ ...progress, attempts: replaceLast(progress.attempts, next) }));
  switch (body.type) {
    case "step_started": {
      const attempt: StepAttempt = { attempt: body.attempt, seq, startedAt: at, endedAt: null, passed: null, checks: [] };
      return change(body.stepIndex, (progress) => ({ ...progress, attempts: [...progress.attempts, attempt] }));
    }
    case "step_finished":
      return changeAttempt(body.stepIndex, (attempt) => ({ ...attempt, endedAt: at, passed: body.passed }));
    case "check_started":
      return changeAttempt(body.stepIndex, (attempt) => ({
        ...attempt,
        checks: [...attempt.checks, { seq, at, command: body.command, result: null }],
      }));
    case "check_finished":
      return changeAttempt(body.stepIndex, (attempt) => {
        const open = indexOfOpenCheck(attempt, body.result.command);
        const check = { seq, at, command: body.result.command, result: body.result };
        if (open === -1) return { ...attempt, checks: [...attempt.checks, check] };
        return {
          ...attempt,
          checks: attempt.checks.map((old, index) => (index === open ? { ...old, result: body.result } : old)),
        };
      });
    case "check_not_judged":
      return change(body.stepIndex, (progress) =>
        progress.notJudged.includes(body.text) ? progress : { ...progress, notJudged: [...progress.notJudged, body.text] },
      );
    default:
      return steps;
  }
};

export type StepState = "pending" | "running" | "passed" | "failed" | "stopped";

/** The state of one step in a word; a step that was begun in a run that has ended without a verdict was stopped. */
export const stepState = (progress: StepProgress | undefined, runEnded: boolean): StepState => {
  const last = progress?.attempts.at(-1);
  if (last === undefined) return "pending";
  if (last.passed === null) return runEnded ? "stopped" : "running";
  return last.passed ? "passed" : "failed";
};
