import type { DayBudget, RunnerBody } from "@ccr/protocol";
import { expect, test } from "vitest";
import type { Progress } from "../store/progress-types.ts";
import type { RunPatch } from "../store/types.ts";
import { untilAffordable } from "./affording.ts";
import { agentPhase } from "./attempt.ts";

const today = (isUsedUp: boolean, dayUsd = 20): DayBudget => {
  const day = { from: "2026-11-27T00:00:00.000Z", to: "2026-11-28T00:00:00.000Z" };
  return { dayUsd, zone: "UTC", ...day, spentUsd: 20, isUsedUp };
};
const phase = agentPhase(7);
const progress: Progress = { stepIndex: 1, attempt: 1, startedMs: 7, phase };
const heldBack: Progress = { ...progress, phase: { ...phase, isHeldBack: true } };

/** A scene in which these days are seen, one after the other, of a run that an earlier supervisor left so. */
const scene = (days: DayBudget[], left: Progress | null = null) => {
  const told: { bodies: readonly RunnerBody[]; patch: RunPatch | undefined }[] = [];
  const times: string[] = [];
  return {
    told,
    times,
    progress: left,
    isAgentAtWork: true,
    agentHas: {},
    activeMs: () => 9,
    clockwork: {
      pause: (waitsFor: string) => void times.push(`stands for ${waitsFor}`),
      resume: () => void times.push("goes on"),
    },
    stores: { budgets: { today: async () => days.shift() ?? today(false) } },
    deps: { clock: { wait: async () => {} } },
    log: {
      record: async (bodies: readonly RunnerBody[], patch?: RunPatch) => void told.push({ bodies, patch }),
    },
  };
};
const never = new AbortController().signal;

test("an attempt begins at once as long as there is money", async () => {
  const at = scene([today(false)]);
  expect(await untilAffordable(at, { progress, phase, signal: never })).toBe(progress);
  expect([at.told, at.times, at.isAgentAtWork]).toEqual([[], [], true]);
});

test("an attempt waits while the day's budget is used up, says so, and takes no time of the run", async () => {
  const at = scene([today(true), today(true), today(true, 25)]);
  const goesOn = await untilAffordable(at, { progress, phase, signal: never });
  expect(goesOn).toEqual({ ...progress, phase: { ...phase, sinceMs: 9 } });
  const stage = { type: "stage", stage: "budget" };
  expect(at.told).toEqual([
    {
      bodies: [{ ...stage, state: "started", text: expect.stringContaining("Waiting: the day's budget of $20 is used up;") }],
      patch: { progress: heldBack },
    },
    { bodies: [{ ...stage, state: "progress", text: expect.stringContaining("budget of $25 is used up") }], patch: undefined },
    { bodies: [{ ...stage, state: "finished", text: expect.stringContaining("has room") }], patch: { progress: goesOn } },
  ]);
  expect(at.times).toEqual([...Array(3).fill("stands for budget"), "goes on"]);
  expect([at.isAgentAtWork, at.agentHas]).toEqual([false, null]);
});

test("who takes over a run that waits waits on, and goes on when there is money by then", async () => {
  const left = { progress: heldBack, phase: { ...phase, isHeldBack: true }, signal: never };
  const waits = scene([today(true)], heldBack);
  await untilAffordable(waits, left);
  const goesOn = scene([], heldBack);
  expect(await untilAffordable(goesOn, left)).toMatchObject({ phase: { outcome: null } });
  for (const { told } of [waits, goesOn]) expect(told.flatMap(({ bodies }) => bodies)).toMatchObject([{ state: "finished" }]);
});

test("an agent that may be at work already is left alone by who takes its run over, and so is a turn that a person asked for", async () => {
  const left = scene([today(true)], progress);
  expect(await untilAffordable(left, { progress, phase, signal: never })).toBe(progress);
  const asked = scene([today(true)]);
  const turn = { ...phase, said: 1 };
  const next: Progress = { ...progress, phase: turn };
  expect(await untilAffordable(asked, { progress: next, phase: turn, signal: never })).toBe(next);
  expect([left.told, asked.told]).toEqual([[], []]);
});

test("waiting ends with the run's signal, and leaves it waiting to whoever takes it up", async () => {
  const at = scene([today(true)]);
  const why = new Error("canceled");
  await expect(untilAffordable(at, { progress, phase, signal: AbortSignal.abort(why) })).rejects.toBe(why);
  expect(at.told.at(-1)?.patch?.progress).toEqual(heldBack);
  expect(at.times.at(-1)).toBe("goes on");
});
