import { BatchId, TaskId } from "@ccr/protocol";
import { expect, test } from "vitest";
import type { BatchTallies, Tally } from "../store/batch-types.ts";
import { toView } from "./view.ts";

const at = "2026-11-22T20:00:00.000Z";
const batch: BatchTallies["batch"] = {
  id: BatchId.parse("bat_0123456789"),
  taskId: TaskId.parse("task_0123456789"),
  taskName: "Fix it",
  name: "Fix it everywhere",
  state: "running",
  maxConcurrent: null,
  attempts: 1,
  variants: [],
  groups: 50,
  createdAt: at,
};
const tally = (count: number, given: Partial<Tally>): Tally => ({
  status: "succeeded",
  reason: null,
  mark: null,
  isDelivered: false,
  count,
  costUsd: 0,
  startedAt: null,
  endedAt: null,
  ...given,
});
const failed = (count: number, given: Partial<Tally> = {}) =>
  tally(count, { status: "failed", reason: "check_failed", ...given });

test("says in one sentence how it stands while it goes on", () => {
  const tallies = [
    tally(12, { reason: "passed", startedAt: "2026-11-22T20:01:00.000Z", endedAt: "2026-11-22T20:05:00.000Z", costUsd: 1.5 }),
    tally(2, { reason: "passed_no_changes" }),
    failed(1),
    tally(3, { status: "running", startedAt: at, costUsd: 0.5 }),
    tally(1, { status: "starting" }),
    tally(31, { status: "queued" }),
  ];
  expect(toView({ batch, runs: 50, tallies })).toMatchObject({
    progress: { done: 15, total: 50 },
    counts: { outcomes: { passed: 12, passed_no_changes: 2, checks_failed: 1 }, retriable: 1, chosen: 0, removed: 0 },
    costUsd: 2,
    startedAt: at,
    endedAt: null,
    summary: "14 of 50 passed (2 without changes), 1 failed its checks; 4 going on, 31 queued.",
  });
  expect(toView({ batch: { ...batch, state: "paused" }, runs: 50, tallies }).summary).toContain(
    "4 going on, 31 waiting until it is resumed.",
  );
});

test("says how it ended: every outcome by its words, and none that there was not", () => {
  const tallies = [
    tally(38, { reason: "passed", endedAt: "2026-11-22T20:05:00.000Z" }),
    failed(3),
    tally(1, { status: "failed", reason: "check_broken", endedAt: "2026-11-22T20:09:00.000Z" }),
    tally(7, { status: "errored", reason: "repository_unreachable" }),
    tally(1, { status: "failed", reason: "no_changes" }),
  ];
  expect(toView({ batch, runs: 50, tallies })).toMatchObject({
    progress: { done: 50, total: 50 },
    counts: { retriable: 12, statuses: { succeeded: 38, failed: 5, errored: 7 } },
    endedAt: "2026-11-22T20:09:00.000Z",
    summary: "38 of 50 passed, 4 failed their checks, 1 gave up, 7 could not be cloned.",
  });
});

test("what could not be pushed, and was later, has passed", () => {
  const pushFailed = { status: "errored", reason: "push_failed" } as const;
  const tallies = [
    tally(2, { ...pushFailed, isDelivered: true }),
    tally(1, pushFailed),
    tally(4, { reason: "passed", isDelivered: true }),
    failed(1, { isDelivered: true }),
  ];
  expect(toView({ batch, runs: 8, tallies })).toMatchObject({
    counts: { outcomes: { passed: 6, push_failed: 1, checks_failed: 1 }, retriable: 2 },
    summary: "6 of 8 passed, 1 failed its checks, 1 could not be pushed.",
  });
});

test("runs that were replaced cost what they cost, and count no more; closed and chosen ones are not launched again", () => {
  const tallies = [
    failed(2, { mark: "replaced", costUsd: 3 }),
    tally(2, { reason: "passed", costUsd: 1 }),
    tally(1, { reason: "passed", mark: "chosen", costUsd: 1 }),
    failed(1, { mark: "closed" }),
  ];
  expect(toView({ batch, runs: 4, tallies })).toMatchObject({
    progress: { done: 4, total: 4 },
    counts: { chosen: 1, closed: 1, retriable: 0 },
    costUsd: 5,
    summary: "3 of 4 passed, 1 failed its checks. 1 is chosen.",
  });
});

test("runs that are not kept any more have ended, and nobody knows how", () => {
  expect(toView({ batch, runs: 5, tallies: [tally(2, { reason: "passed" })] })).toMatchObject({
    progress: { done: 5, total: 5 },
    counts: { removed: 3 },
    summary: "2 of 5 passed, 3 are not kept any more.",
  });
});
