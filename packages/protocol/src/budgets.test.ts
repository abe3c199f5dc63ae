import { describe, expect, it } from "vitest";
import { holdSentence } from "./budget-words.ts";
import { dayOf, holdOf, isUsedUp, SetBudgetsInput } from "./budgets.ts";

describe("a day", () => {
  it.each([
    ["UTC", "2026-11-27T00:00:00.000Z", "2026-11-27T00:00:00.000Z", "2026-11-28T00:00:00.000Z"],
    ["UTC", "2026-11-27T23:59:59.999Z", "2026-11-27T00:00:00.000Z", "2026-11-28T00:00:00.000Z"],
    ["Asia/Kathmandu", "2026-11-27T18:14:00.000Z", "2026-11-26T18:15:00.000Z", "2026-11-27T18:15:00.000Z"],
    ["America/Los_Angeles", "2026-11-27T07:59:00.000Z", "2026-11-26T08:00:00.000Z", "2026-11-27T08:00:00.000Z"],
    // Of 25 hours, and of 23.
    ["Europe/Berlin", "2026-10-25T12:00:00.000Z", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"],
    ["Europe/Berlin", "2026-03-29T12:00:00.000Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
    // Clocks go forward at midnight, so that there is none.
    ["America/Santiago", "2026-09-06T12:00:00.000Z", "2026-09-06T04:00:00.000Z", "2026-09-07T03:00:00.000Z"],
    // The 30th was left out.
    ["Pacific/Apia", "2011-12-30T09:00:00.000Z", "2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"],
  ])("in %s of %s is that between its midnights", (zone, at, from, to) => {
    expect(dayOf(new Date(at), zone)).toEqual({ from, to });
  });
});

describe("a ceiling", () => {
  const problemOf = (input: unknown): string | undefined => SetBudgetsInput.safeParse(input).error?.issues[0]?.message;

  it("is a sum of money, or none", () => {
    expect(SetBudgetsInput.parse({ dayUsd: 20, zone: "Europe/Berlin" })).toEqual({ dayUsd: 20, zone: "Europe/Berlin" });
    expect(SetBudgetsInput.parse({ dayUsd: null })).toEqual({ dayUsd: null });
    for (const dayUsd of [0, -1, 0.001, 100_001]) expect(problemOf({ dayUsd })).toMatch(/^must be between 0.01 and 100,000 US/);
    for (const dayUsd of [Number.NaN, Number.POSITIVE_INFINITY, "20", undefined])
      expect(problemOf({ dayUsd })).toBe("must be a number of US dollars, or null");
    for (const zone of ["", "Berlin", "x".repeat(65)]) expect(problemOf({ dayUsd: 1, zone })).toBeDefined();
    expect(SetBudgetsInput.safeParse({ dayUsd: 1, hourUsd: 1 }).success).toBe(false);
  });

  it("is used up when nothing is left, to the cent", () => {
    expect([isUsedUp(0.3, 0.1 + 0.2), isUsedUp(0.6, 0.1 + 0.2 + 0.3), isUsedUp(0.3, 0.29), isUsedUp(null, 1e9)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const day = { dayUsd: 20, zone: "UTC", from: "", to: "then", spentUsd: 20, isUsedUp: true };
    expect(holdOf(day)).toEqual({ dayUsd: 20, zone: "UTC", to: "then" });
    expect(holdOf({ ...day, isUsedUp: false })).toBeNull();
  });

  it("is told with when it goes on", () => {
    expect(holdSentence({ dayUsd: 20, zone: "UTC" })).toBe(
      "the day's budget of $20 is used up; it goes on at 00:00 UTC or when the budget is raised",
    );
    expect(holdSentence({ dayUsd: 1234.5, zone: "Europe/Berlin" })).toContain(
      "$1,234.50 is used up; it goes on at 00:00 (Europe/",
    );
  });
});
