import type { DayBudget, SetBudgetsInput } from "@ccr/protocol";

/** The ceiling over what all runs of a day may cost, one for all servers that share the database. */
export interface BudgetStore {
  /** The day that it is, by the store's clock. */
  today(): Promise<DayBudget>;
  /** Holds at once, for every server. Idempotent. */
  set(input: SetBudgetsInput): Promise<void>;
}
