import { expect, test } from "vitest";
import { dayBoundaries, sumOf } from "./spans.ts";

test("today is the last span, and the days before it follow without a gap", () => {
  const now = new Date(2026, 10, 27, 14, 30);
  const boundaries = dayBoundaries(now, 3, "local");
  const midnight = (day: number) => new Date(2026, 10, day).toISOString();
  expect(boundaries).toEqual([midnight(25), midnight(26), midnight(27), midnight(28)]);
});

test("days across a month and a change of the clocks are days of the reader", () => {
  const boundaries = dayBoundaries(new Date(2026, 10, 1, 1), 10, "local");
  expect(boundaries).toHaveLength(11);
  for (const at of boundaries) {
    const local = new Date(at);
    expect([local.getHours(), local.getMinutes()]).toEqual([0, 0]);
  }
});

test("days of UTC begin at its midnight, wherever the reader is", () => {
  const boundaries = dayBoundaries(new Date("2026-03-01T23:30:00.000Z"), 2, "utc");
  expect(boundaries).toEqual(["2026-02-28", "2026-03-01", "2026-03-02"].map((day) => `${day}T00:00:00.000Z`));
});

test("adds up the last days alone", () => {
  const spans = [1, 2, 3].map((costUsd) => ({ from: "", runs: 1, costUsd }));
  expect(sumOf(spans, 2)).toEqual({ runs: 2, costUsd: 5 });
  expect(sumOf(spans, 30)).toEqual({ runs: 3, costUsd: 6 });
});
