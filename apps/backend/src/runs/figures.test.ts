import { InstanceId, noFigures, type StepFigures } from "@ccr/protocol";
import { expect, test } from "vitest";
import type { Ending, Progress, StepPhase } from "../store/progress-types.ts";
import { agentPhase } from "./attempt.ts";
import { figuresAfter, figuresBeside } from "./figures.ts";

const steps = [
  { instructions: "Do it.", checks: "$ one\n$ two\nIt reads well." },
  { instructions: "Say it.", checks: "" },
];
const end: Ending = { reason: "check_failed", sentence: "It did not pass." };
const checks = (begun: number, passed: number): StepPhase => ({ kind: "checks", checkout: null, begun, passed });
const judged: StepPhase = {
  kind: "judge",
  checkout: { instanceId: InstanceId.parse("inst_0123456789"), commit: "c", deaths: 0, requests: 0 },
  asked: 1,
  outcome: null,
};
const at = (stepIndex: number, attempt: number, phase: StepPhase): Progress => ({ stepIndex, attempt, startedMs: 0, phase });

const none = noFigures(steps);
const after = (...told: Progress[]): StepFigures[] =>
  told.reduce<StepFigures[]>((figures, progress) => figuresAfter(figures, progress, steps), none);
const first = (attempts: number, passed: number): StepFigures[] => [
  { attempts, passed, total: 3 },
  { attempts: 0, passed: 0, total: 0 },
];

test("a step that nobody has worked on has its checks before it, of which prose is one", () => {
  expect(none).toEqual(first(0, 0));
  expect(after(at(0, 1, agentPhase(0)))).toEqual(first(1, 0));
});

test("checks count as they pass, and the judge's is the last", () => {
  expect(after(at(0, 1, checks(1, 0)))).toEqual(first(1, 0));
  expect(after(at(0, 1, checks(2, 1)))).toEqual(first(1, 1));
  expect(after(at(0, 1, judged))).toEqual(first(1, 2));
  expect(after(at(0, 1, judged), at(0, 1, { kind: "ended", end }))).toEqual(first(1, 2));
  expect(after(at(0, 1, judged), at(0, 1, { kind: "ended", end: null }))).toEqual(first(1, 3));
});

test("they stand as they came out last while the agent works again, and begin anew with the next ones", () => {
  const failed = [at(0, 1, checks(2, 1)), at(0, 2, agentPhase(5, "again"))];
  expect(after(...failed)).toEqual(first(2, 1));
  expect(after(...failed, at(0, 2, checks(1, 0)))).toEqual(first(2, 0));
});

test("a checkout that dies takes what had passed on it along", () => {
  expect(after(at(0, 1, checks(2, 1)), at(0, 1, checks(0, 0)))).toEqual(first(1, 0));
});

test("the end of the run is told by one who may not know how far it came: it changes nothing", () => {
  const over = at(0, 1, { kind: "over", end, saved: true });
  expect(after(at(0, 2, judged), over)).toEqual(first(2, 2));
  expect(figuresAfter(first(2, 3), at(1, 1, { kind: "ended", end: null }), steps)).toEqual([
    { attempts: 2, passed: 3, total: 3 },
    { attempts: 1, passed: 0, total: 0 },
  ]);
});

test("they are stored with every progress, and with nothing else", () => {
  const beside = figuresBeside(steps, first(1, 2));
  expect(beside({ stepIndex: 1 })).toEqual({ stepIndex: 1 });
  const progress = at(0, 2, agentPhase(0));
  expect(beside({ progress })).toEqual({ progress, figures: first(2, 2) });
});
