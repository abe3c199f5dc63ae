import type { AppRouter } from "@ccr/backend/router";
import { type DayBudget, DEFAULT_ZONE, dayOf, holdOf, isUsedUp, type QueuePlace } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

/** What is asked of all runs at once, in memory. */
export interface MemoryOverview {
  /** What was spent today. */
  spentUsd: number;
  readonly context: inferRouterContext<AppRouter>["overview"];
  today(): DayBudget;
  /** What holds back every queued run. */
  held(): Pick<QueuePlace, "heldBy" | "budget">;
}

export const memoryOverview = (now: number): MemoryOverview => {
  let ceiling: { dayUsd: number | null; zone: string } = { dayUsd: null, zone: DEFAULT_ZONE };
  const overview: MemoryOverview = {
    spentUsd: 0,
    today: () => {
      const { spentUsd } = overview;
      return { ...ceiling, ...dayOf(new Date(now), ceiling.zone), spentUsd, isUsedUp: isUsedUp(ceiling.dayUsd, spentUsd) };
    },
    held: () => {
      const budget = holdOf(overview.today());
      return budget === null ? { heldBy: null } : { heldBy: "budget", budget };
    },
    context: {
      spend: async ({ boundaries }) => ({
        spans: boundaries.slice(1).map((to, index) => ({ from: boundaries[index] ?? to, to, runs: 0, costUsd: 0 })),
        going: { runs: 0, costUsd: 0 },
      }),
      budgets: async () => overview.today(),
      setBudgets: async ({ dayUsd, zone = ceiling.zone }) => {
        ceiling = { dayUsd, zone };
        return overview.today();
      },
    },
  };
  return overview;
};
