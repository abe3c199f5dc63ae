import { describe, expect, test } from "vitest";
import { formatAgo, formatBytes, formatCost, formatCount, formatDuration, formatElapsed, plural } from "./format.ts";

describe("durations", () => {
  test.each([
    [-5, "0 ms"],
    [0, "0 ms"],
    [340.4, "340 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [1000, "1.0 s"],
    [2449, "2.4 s"],
    [9949, "9.9 s"],
    [9999, "10 s"],
    [59_400, "59 s"],
    [59_999, "1 m 00 s"],
    [65_000, "1 m 05 s"],
    [3_599_400, "59 m 59 s"],
    [3_600_000, "1 h 00 m"],
    [11_220_000, "3 h 07 m"],
    [187_200_000, "2 d 4 h"],
  ])("%d ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  test("a ticking clock counts whole seconds from nothing", () => {
    expect([0, 999, 1000, 61_000, -1].map(formatElapsed)).toEqual(["0 s", "0 s", "1 s", "1 m 01 s", "0 s"]);
  });
});

test("a cost above nothing is never shown as nothing", () => {
  expect([0, 0.0001, 0.01, 0.994, 12.5, 1204.4].map(formatCost)).toEqual([
    "$0.00",
    "<$0.01",
    "$0.01",
    "$0.99",
    "$12.50",
    "$1,204",
  ]);
});

test("counts and sizes step to the next unit before four digits are shown", () => {
  expect([0, 999, 1000, 1234, 34_499, 999_499, 999_500, 1_200_000].map(formatCount)).toEqual([
    "0",
    "999",
    "1.0k",
    "1.2k",
    "34k",
    "999k",
    "1.0M",
    "1.2M",
  ]);
  expect([0, 1023, 1024, 1536, 12 * 1024 * 1024].map(formatBytes)).toEqual(["0 B", "1023 B", "1.0 KB", "1.5 KB", "12 MB"]);
});

test("says how long ago something was, and the date once it is over a week", () => {
  const now = Date.parse("2026-11-22T12:00:00.000Z");
  const ago = (at: string) => formatAgo(at, now);
  expect(ago("2026-11-22T11:59:40.000Z")).toBe("just now");
  expect(ago("2026-11-22T12:00:05.000Z")).toBe("just now");
  expect(ago("2026-11-22T11:56:00.000Z")).toBe("4 min ago");
  expect(ago("2026-11-22T09:00:00.000Z")).toBe("3 h ago");
  expect(ago("2026-11-21T11:00:00.000Z")).toBe("1 day ago");
  expect(ago("2026-11-19T12:00:00.000Z")).toBe("3 days ago");
  expect(ago("2026-10-01T12:00:00.000Z")).toContain("2026");
});

test("counts things in words", () => {
  expect([plural(1, "step"), plural(0, "step"), plural(1200, "entry", "entries")]).toEqual([
    "1 step",
    "0 steps",
    "1,200 entries",
  ]);
});
