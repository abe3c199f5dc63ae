import type { AppearanceChoice } from "../ui/appearance.ts";

/** The midnights between the days up to and with today, the oldest first, in UTC or where the reader is; days of other lengths included. Pure. */
export const dayBoundaries = (now: Date, days: number, zone: AppearanceChoice<"zone">): string[] =>
  Array.from({ length: days + 1 }, (_, index) => {
    const since = index - days + 1;
    const at =
      zone === "utc"
        ? Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + since)
        : new Date(now.getFullYear(), now.getMonth(), now.getDate() + since);
    return new Date(at).toISOString();
  });

type Span = { from: string; runs: number; costUsd: number };

/** What the last `days` of these days make together. Pure. */
export const sumOf = (spans: readonly Span[], days: number): { runs: number; costUsd: number } =>
  spans.slice(-days).reduce((sum, { runs, costUsd }) => ({ runs: sum.runs + runs, costUsd: sum.costUsd + costUsd }), {
    runs: 0,
    costUsd: 0,
  });
