import { z } from "zod";
import { Timestamp } from "./ids.ts";
import { RUN_LIMIT_BOUNDS } from "./run-limits.ts";

/** What is usual until somebody says otherwise, so that a day is the same for every server. */
export const DEFAULT_ZONE = "UTC";

const isZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

const LEAST_USD = 0.01;
const MOST_USD = RUN_LIMIT_BOUNDS.budgetUsd.most;
const range = `must be between ${LEAST_USD} and ${MOST_USD.toLocaleString("en")} US dollars; null takes the ceiling away`;

/** Sets the ceiling over what all runs of a day may cost. Idempotent. */
export const SetBudgetsInput = z.strictObject({
  /** In US dollars; null: no ceiling. */
  dayUsd: z.number("must be a number of US dollars, or null").min(LEAST_USD, range).max(MOST_USD, range).nullable(),
  /** Where the day begins at midnight, as `UTC` or `Europe/Berlin`. Left out: where it does now. */
  zone: z.string().max(64).refine(isZone, "is no time zone: give one such as UTC or Europe/Berlin").optional(),
});
export type SetBudgetsInput = z.infer<typeof SetBudgetsInput>;

/** The day that it is, and what of its money is used. */
export const DayBudget = z.object({
  /** null: no ceiling. */
  dayUsd: z.number().nullable(),
  zone: z.string(),
  /** When the day began, and when the next one does. */
  from: Timestamp,
  to: Timestamp,
  /** What was spent since it began, by all runs, when it became known. */
  spentUsd: z.number(),
  /** Whether no run may begin anything more today. */
  isUsedUp: z.boolean(),
});
export type DayBudget = z.infer<typeof DayBudget>;

/** The ceiling for which runs wait. */
export const BudgetHold = z.object({ dayUsd: z.number(), zone: z.string(), to: Timestamp });
export type BudgetHold = z.infer<typeof BudgetHold>;

/** For what runs wait on this day; null: for no money. Pure. */
export const holdOf = ({ dayUsd, isUsedUp, zone, to }: DayBudget): BudgetHold | null =>
  isUsedUp && dayUsd !== null ? { dayUsd, zone, to } : null;

// Sums of cents in doubles are not exact, and 0.1 + 0.2 is to use up 0.3.
const EXACT_TO_USD = 1e-9;

/** Whether nothing is left of a ceiling. Pure. */
export const isUsedUp = (dayUsd: number | null, spentUsd: number): boolean =>
  dayUsd !== null && spentUsd >= dayUsd - EXACT_TO_USD;

const MINUTE_MS = 60_000;
// No day is longer, whatever its clocks do: where a date was left out, the day before it was of the usual length.
const LONGEST_DAY_MINUTES = 26 * 60;

/**
 * The day in which a moment lies, in a time zone: from midnight to midnight, or from when clocks first show its date where they are put forward at
 * midnight. It has 23 or 25 hours when they are changed. Throws `RangeError` for a zone that is not known. Pure.
 */
export const dayOf = (at: Date, zone: string): { from: string; to: string } => {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  const date = format.format(at);
  const minute = Math.floor(at.getTime() / MINUTE_MS);
  /** The first minute between these that is not before the wanted one. */
  const firstOf = (low: number, high: number, isReached: (date: string) => boolean): string => {
    let [before, reached] = [low, high];
    while (reached - before > 1) {
      const middle = Math.floor((before + reached) / 2);
      if (isReached(format.format(middle * MINUTE_MS))) reached = middle;
      else before = middle;
    }
    return new Date(reached * MINUTE_MS).toISOString();
  };
  return {
    from: firstOf(minute - LONGEST_DAY_MINUTES, minute, (other) => other >= date),
    to: firstOf(minute, minute + LONGEST_DAY_MINUTES, (other) => other > date),
  };
};
