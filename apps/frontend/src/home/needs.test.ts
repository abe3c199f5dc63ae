import { BatchId, type Run } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { batchPlace, listedRun } from "../runs/listed-sample.ts";
import { describeHold, describeRefusals, endedOf, needsOf, seeRefusals } from "./needs.ts";

const failed = (n: number, patch: Partial<Run> = {}) => listedRun(n, { status: "failed", reason: "check_failed", ...patch });
const refused = (n: number, hosts: string[], last = hosts.length) => ({ ...listedRun(n), refused: { count: last, hosts, last } });

describe("what needs somebody", () => {
  test("is what waits, what is kept from its work, and what ended badly, in this order", () => {
    const needs = needsOf(
      {
        waiting: [listedRun(1, { status: "waiting" })],
        running: [refused(2, ["example.com"]), refused(3, [])],
        attention: [failed(4), failed(5)],
      },
      {},
    );
    expect(needs.map(({ kind }) => kind)).toEqual(["waiting", "refused", "ended", "ended"]);
  });

  test("is money, in one card for all that waits for it", () => {
    const hold = { dayUsd: 20, zone: "UTC", to: "2026-11-28T00:00:00.000Z" };
    const running = [refused(2, [])];
    const told = (queued: { total: number; runs: ReturnType<typeof listedRun>[] }) =>
      needsOf({ waiting: [], running, attention: [failed(4)], budget: hold, queued: { ...queued, batches: [] } }, {});
    const [need, ...others] = told({ total: 3, runs: [listedRun(1)] });
    expect(need).toEqual({ kind: "budget", key: "2026-11-28T00:00:00.000Z 20", hold, queued: 3, run: listedRun(1) });
    expect(others.map(({ kind }) => kind)).toEqual(["ended"]);
    expect(told({ total: 0, runs: [] })[0]).toMatchObject({ queued: 0, run: { id: listedRun(2).id } });
    expect([3, 1, 0].map((queued) => describeHold({ hold, queued }).split(":")[0])).toEqual([
      "3 queued runs wait",
      "A queued run waits",
      "What goes on waits before its next step",
    ]);
  });

  test("tells the runs of one batch together, and one alone as any other", () => {
    const other = { ...batchPlace, id: BatchId.parse("bat_1111111111") };
    const attention = [
      failed(1, { batch: batchPlace }),
      failed(2),
      failed(3, { batch: batchPlace }),
      failed(4, { batch: other }),
    ];
    const needs = needsOf({ waiting: [], running: [], attention }, {});
    expect(needs.map(({ kind }) => kind)).toEqual(["batch", "ended", "ended"]);
    expect(endedOf(needs)).toEqual([1, 3, 2, 4].map((n) => failed(n).id));
  });

  test("tells runs that were refused the same hosts together, until that was seen, and again when there is more", () => {
    const running = [refused(1, ["a.test", "b.test"]), refused(2, ["b.test", "a.test"]), refused(3, ["c.test"])];
    const overview = { waiting: [], running, attention: [] };
    expect(needsOf(overview, {}).map((need) => need.kind === "refused" && need.runs.length)).toEqual([2, 1]);
    const seen = seeRefusals({}, running.slice(0, 2));
    expect(needsOf(overview, seen)).toHaveLength(1);
    expect(needsOf({ ...overview, running: [refused(1, ["a.test", "b.test"], 9)] }, seen)).toHaveLength(1);
  });

  test("remembers of no more than the last few hundred runs what was seen", () => {
    const many = Array.from({ length: 250 }, (_, index) => refused(index, ["a.test"]));
    const seen = seeRefusals({}, many);
    expect(Object.keys(seen)).toHaveLength(200);
    expect(needsOf({ waiting: [], running: many.slice(-1), attention: [] }, seen)).toEqual([]);
  });
});

test.each([
  [["a.test"], 1, "a request to a.test."],
  [["a.test", "b.test"], 3, "3 requests to a.test and b.test."],
  [["a.test", "b.test", "c.test"], 3, "3 requests to a.test, b.test and others."],
])("refused hosts %j are told in a sentence", (hosts, last, words) => {
  expect(describeRefusals([refused(1, hosts, last)])).toContain(words);
});
