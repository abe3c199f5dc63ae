/** The midnights between the days up to and with today, the oldest first, where the reader is; days of other lengths included. Pure. */
export const dayBoundaries = (now: Date, days: number): string[] =>
  Array.from({ length: days + 1 }, (_, index) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() - days + 1 + index).toISOString(),
  );

type Span = { from: string; runs: number; costUsd: number };

/** What the last `days` of these days make together. Pure. */
export const sumOf = (spans: readonly Span[], days: number): { runs: number; costUsd: number } =>
  spans.slice(-days).reduce((sum, { runs, costUsd }) => ({ runs: sum.runs + runs, costUsd: sum.costUsd + costUsd }), {
    runs: 0,
    costUsd: 0,
  });
