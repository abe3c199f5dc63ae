import { RunId, TaskId, type TaskOverview } from "@ccr/protocol";
import { expect, test } from "vitest";
import { findTasks, parseTasksSearch } from "./list.ts";

const task = (name: string, change: Partial<TaskOverview> = {}): TaskOverview => ({
  id: TaskId.parse("task_0123456789"),
  name,
  version: 1,
  steps: 1,
  stepsWithChecks: 0,
  parameters: 0,
  allowNoChanges: false,
  repository: null,
  createdAt: "2026-11-22T20:00:00.000Z",
  updatedAt: "2026-11-22T20:00:00.000Z",
  lastRuns: [],
  costUsd: null,
  ...change,
});
const ran = (at: string): Pick<TaskOverview, "lastRuns"> => ({
  lastRuns: [{ id: RunId.parse("run_0123456789"), status: "succeeded", outcome: "passed", costUsd: 0, createdAt: at }],
});
const tasks = [
  task("b 10", { updatedAt: "2026-11-23T20:00:00.000Z", costUsd: { last: 1, median: 1 } }),
  task("B 9", { ...ran("2026-11-25T20:00:00.000Z"), repository: "ada/engine" }),
  task("a", { updatedAt: "2026-11-22T21:00:00.000Z", ...ran("2026-11-24T20:00:00.000Z"), costUsd: { last: 0, median: 3 } }),
];
const names = (search: Parameters<typeof findTasks>[1]) => findTasks(tasks, search).map(({ name }) => name);

test("finds by all words, in the name or the usual repository", () => {
  expect(names({ q: "B" })).toEqual(["b 10", "B 9"]);
  expect(names({ q: " engine b " })).toEqual(["B 9"]);
  expect(names({ q: "nothing" })).toEqual([]);
});

test("orders by what was edited, run, its name and what it costs", () => {
  expect(names({})).toEqual(["b 10", "a", "B 9"]);
  expect(names({ sort: "run" })).toEqual(["B 9", "a", "b 10"]);
  expect(names({ sort: "name" })).toEqual(["a", "B 9", "b 10"]);
  expect(names({ sort: "cost" })).toEqual(["a", "b 10", "B 9"]);
});

test("leaves out of the address what is not understood, and what is so anyhow", () => {
  expect(parseTasksSearch({ q: 1, sort: "size" })).toEqual({});
  expect(parseTasksSearch({ q: "", sort: "recent" })).toEqual({});
  expect(parseTasksSearch({ q: "x", sort: "name" })).toEqual({ q: "x", sort: "name" });
});
