import { expect, test } from "vitest";
import { listedRun as listed } from "../listed-sample.ts";
import { changesIn, freshest } from "./use-run-list.ts";

test("each run is shown as it was told last, whoever told it", () => {
  const latest = freshest([
    { runs: [listed(1, { lastSeq: 1 }), listed(2, { lastSeq: 1 })], at: 10 },
    { runs: [listed(1, { lastSeq: 3 })], at: 30 },
    { runs: [listed(1, { lastSeq: 2 }), listed(2, { lastSeq: 2 })], at: 20 },
  ]);
  expect([latest.get(listed(1).id)?.lastSeq, latest.get(listed(2).id)?.lastSeq]).toEqual([3, 2]);
});

test("a list is another one when runs came in, left, or changed places", () => {
  const [a, b, c] = [listed(1), listed(2), listed(3)];
  expect(changesIn([a, b], [a, b])).toEqual({ isChanged: false, fresh: 0 });
  expect(changesIn([a, b], [listed(1, { status: "failed" }), b])).toEqual({ isChanged: false, fresh: 0 });
  expect(changesIn([a, b], [c, a, b])).toEqual({ isChanged: true, fresh: 1 });
  expect(changesIn([a, b], [b])).toEqual({ isChanged: true, fresh: 0 });
  expect(changesIn([a, b], [b, a])).toEqual({ isChanged: true, fresh: 0 });
  expect(changesIn([], [])).toEqual({ isChanged: false, fresh: 0 });
});
