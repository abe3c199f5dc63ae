import { RUN_STATUSES } from "@ccr/protocol";
import { expect, test } from "vitest";
import { isNarrowed, parseRunsSearch, STATUS_GROUPS, toFilter, withPart } from "./filter.ts";
import { parseTab } from "./tabs.ts";

const NOW = Date.parse("2026-11-22T20:39:28.000Z");

test("every status belongs to one group", () => {
  expect(Object.values(STATUS_GROUPS).flat().sort()).toEqual([...RUN_STATUSES].sort());
});

test("a broken address shows the unfiltered list", () => {
  expect(
    parseRunsSearch({ status: "nonsense", task: "../x", sort: "best", period: 7, q: { a: 1 }, repo: null, env: "/" }),
  ).toEqual({});
  expect(toFilter({}, NOW)).toEqual({});
});

test("the address decides what is asked for", () => {
  const search = parseRunsSearch({
    status: "failed",
    task: "task_0123456789",
    repo: "acme/slugs",
    env: "env_0123456789",
    q: 404,
    period: "day",
    sort: "longest",
  });
  expect(search.sort).toBe("longest");
  expect(toFilter(search, NOW)).toEqual({
    status: ["failed"],
    taskId: "task_0123456789",
    repository: "acme/slugs",
    environmentId: "env_0123456789",
    text: "404",
    since: "2026-11-21T20:00:00.000Z",
  });
  expect(toFilter({ status: "active" }, NOW).status).toHaveLength(5);
  expect(toFilter({ status: "queued" }, NOW).status).toEqual(["queued"]);
});

test("one part is changed, and the others stay", () => {
  const search = parseRunsSearch({ status: "failed", q: "x", sort: "oldest" });
  expect(withPart(search, { q: undefined })).toEqual({ status: "failed", sort: "oldest" });
  expect(withPart(search, { sort: "newest", status: "active" })).toEqual({ status: "active", q: "x" });
  expect([isNarrowed(search), isNarrowed({ status: "failed", sort: "oldest" })]).toEqual([true, false]);
});

test("an unknown tab is none", () => {
  expect([parseTab({ tab: "changes" }), parseTab({ tab: "x" }), parseTab({})]).toEqual([{ tab: "changes" }, {}, {}]);
});
