import { expect, test } from "vitest";
import { listedRun } from "../listed-sample.ts";
import { asDone } from "./use-bulk.ts";

test("a run that is canceled is shown as it is about to be, and one that has ended as it is", () => {
  expect(asDone(listedRun(1, { status: "queued" }), "cancel")).toMatchObject({
    status: "canceled",
    outcome: { name: "canceled" },
    queue: null,
  });
  expect(asDone(listedRun(1), "cancel")).toMatchObject({ status: "canceling", outcome: null });
  const ended = listedRun(1, { status: "failed", reason: "check_failed" });
  expect(asDone(ended, "cancel")).toBe(ended);
  expect(asDone(ended, "retry")).toBe(ended);
  expect(asDone(listedRun(1), undefined)).toMatchObject({ status: "running" });
});
