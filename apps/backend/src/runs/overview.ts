import type { DayBudget, SetBudgetsInput, Spend, SpendInput } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";

/** What the API may ask of all runs at once. */
export interface Overview {
  spend(input: SpendInput): Promise<Spend>;
  budgets(): Promise<DayBudget>;
  /** What waits for money goes on, on this server at once and on the others within seconds. Idempotent. */
  setBudgets(input: SetBudgetsInput): Promise<DayBudget>;
}

export const createOverview = (
  { store: { overview, budgets }, log }: Pick<RunDeps, "store" | "log">,
  dispatcher: Pick<Dispatcher, "wake">,
): Overview => ({
  spend: async ({ boundaries }) => {
    const spans = boundaries.slice(1).map((to, index) => ({ from: boundaries[index] ?? to, to }));
    const [going, ...spent] = await Promise.all([overview.going(), ...spans.map((span) => overview.spent(span))]);
    return { going, spans: spans.map((span, index) => ({ ...span, ...(spent[index] ?? { runs: 0, costUsd: 0 }) })) };
  },
  budgets: () => budgets.today(),
  setBudgets: async (input) => {
    await budgets.set(input);
    const today = await budgets.today();
    log("info", "the day's budget was set", { dayUsd: today.dayUsd, zone: today.zone });
    dispatcher.wake();
    return today;
  },
});
