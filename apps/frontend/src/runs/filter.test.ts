import { RUN_STATUSES } from "@ccr/protocol";
import { expect, test } from "vitest";
import { parseRunsSearch, STATUS_GROUPS, toListInput } from "./filter.ts";
import { parseTab } from "./tabs.ts";

test("every status belongs to one group", () => {
  expect(Object.values(STATUS_GROUPS).flat().sort()).toEqual([...RUN_STATUSES].sort());
});

test("a broken address shows the unfiltered list", () => {
  expect(parseRunsSearch({ status: "nonsense", task: "../x" })).toEqual({});
  expect(toListInput({})).toEqual({});
});

test("the address decides what is asked for", () => {
  const search = parseRunsSearch({ status: "failed", task: "task_0123456789" });
  expect(toListInput(search)).toEqual({ status: ["failed"], taskId: "task_0123456789" });
  expect(toListInput({ status: "active" }).status).toHaveLength(5);
});

test("an unknown tab is none", () => {
  expect([parseTab({ tab: "changes" }), parseTab({ tab: "x" }), parseTab({})]).toEqual([{ tab: "changes" }, {}, {}]);
});
