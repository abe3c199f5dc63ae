import { type BatchRow, outcomeOf, type Run, RunId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { parseTableSearch, rowsToShow, type TableSearch } from "./table.ts";

const NOW = Date.parse("2026-11-22T20:10:00.000Z");
const at = (minute: number) => `2026-11-22T20:${String(minute).padStart(2, "0")}:00.000Z`;

const row = (place: number, given: Partial<BatchRow> & Partial<Pick<Run, "reason">> = {}): BatchRow => {
  const { reason = null, status = "queued", ...rest } = given;
  return {
    runId: RunId.parse(`run_${String(place).padStart(10, "0")}`),
    place,
    group: place,
    repository: `ada/r${place}`,
    ref: null,
    variant: "",
    attempt: 1,
    tries: 1,
    mark: null,
    status,
    outcome: outcomeOf({ status, reason, sentence: null, delivered: null, additionalRepositories: [] }),
    checks: { passed: 0, total: 2 },
    pullRequest: null,
    attemptsUsed: 0,
    costUsd: 0,
    createdAt: at(0),
    startedAt: null,
    endedAt: null,
    diff: null,
    ...rest,
  };
};

const size = (additions: number) => ({ files: 1, additions, deletions: 0 });
const rows = [
  row(1, { status: "failed", reason: "check_failed", costUsd: 2, startedAt: at(0), endedAt: at(1), diff: size(9) }),
  row(2, { status: "running", startedAt: at(1), ref: "Next" }),
  row(3),
  row(4, { status: "succeeded", reason: "passed", costUsd: 1, startedAt: at(0), endedAt: at(5), diff: size(3) }),
  row(5, { status: "errored", reason: "repository_unreachable", variant: "large", checks: { passed: 0, total: 0 } }),
];
const places = (search: TableSearch) => rowsToShow(rows, search, NOW).map(({ place }) => place);

test("rows stand as they were listed until another order is asked for", () => {
  expect(places({})).toEqual([1, 2, 3, 4, 5]);
  expect(places({ down: true })).toEqual([5, 4, 3, 2, 1]);
});

test("what is not known comes last, in either direction, and equal ones stay in their order", () => {
  expect(places({ sort: "size" })).toEqual([4, 1, 2, 3, 5]);
  expect(places({ sort: "size", down: true })).toEqual([1, 4, 2, 3, 5]);
  expect(places({ sort: "duration" })).toEqual([1, 4, 2, 3, 5]);
  expect(places({ sort: "cost", down: true })).toEqual([1, 4, 2, 3, 5]);
  expect(places({ sort: "checks" })).toEqual([1, 2, 3, 4, 5]);
  // As outcomes are listed everywhere, then what goes on, then what waits.
  expect(places({ sort: "outcome" })).toEqual([4, 1, 5, 2, 3]);
});

test("is narrowed by outcome, by what has not ended, and by words", () => {
  expect(places({ outcome: "passed" })).toEqual([4]);
  expect(places({ outcome: "clone_failed" })).toEqual([5]);
  expect(places({ outcome: "open" })).toEqual([2, 3]);
  expect(places({ find: " R4 " })).toEqual([4]);
  expect(places({ find: "r2@next" })).toEqual([2]);
  expect(places({ find: "large" })).toEqual([5]);
  expect(places({ find: "large", outcome: "passed" })).toEqual([]);
});

describe("the address", () => {
  test("says what is shown, and what is not understood is left out", () => {
    expect(parseTableSearch({ outcome: "passed", sort: "cost", down: true, find: "x" })).toEqual({
      outcome: "passed",
      sort: "cost",
      down: true,
      find: "x",
    });
    expect(parseTableSearch({ outcome: "nice", sort: "colour", down: "yes", find: 7 })).toEqual({});
    expect(parseTableSearch({ outcome: "toString", sort: "place", find: "" })).toEqual({});
    expect(parseTableSearch({ outcome: "open" })).toEqual({ outcome: "open" });
  });
});
