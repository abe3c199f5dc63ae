import { type DayBudget, DEFAULT_ZONE, dayOf, isUsedUp, type RunId } from "@ccr/protocol";
import type { Kysely, Transaction } from "kysely";
import type { BudgetStore } from "./budget-types.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";

const ONLY = 1;

const findCeiling = async (db: Kysely<Database>): Promise<{ dayUsd: number | null; zone: string }> => {
  const row = await db.selectFrom("budgets").select(["day_usd", "zone"]).where("id", "=", ONLY).executeTakeFirst();
  return { dayUsd: row?.day_usd ?? null, zone: row?.zone ?? DEFAULT_ZONE };
};

const spentIn = async (db: Kysely<Database>, { from, to }: { from: string; to: string }): Promise<number> => {
  const { usd } = await db
    .selectFrom("spending")
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>("cost_usd"), eb.val(0)).as("usd"))
    .where("at", ">=", from)
    .where("at", "<", to)
    .executeTakeFirstOrThrow();
  return usd;
};

/** Whether no run may begin anything more today. Without a ceiling, nothing is added up. */
export const isDayUsedUp = async (db: Kysely<Database>, now: Clock): Promise<boolean> => {
  const { dayUsd, zone } = await findCeiling(db);
  return dayUsd !== null && isUsedUp(dayUsd, await spentIn(db, dayOf(now(), zone)));
};

/** Notes what a run, whose row is locked, has cost since it was last noted. To be called before its row is told the same. */
export const noteSpending = async (
  trx: Transaction<Database>,
  { runId, costUsd, at }: { runId: RunId; costUsd: number; at: Date },
): Promise<void> => {
  const { cost_usd } = await trx.selectFrom("runs").select("cost_usd").where("id", "=", runId).executeTakeFirstOrThrow();
  if (costUsd <= cost_usd) return;
  await trx
    .insertInto("spending")
    .values({ run_id: runId, at: at.toISOString(), cost_usd: costUsd - cost_usd })
    .execute();
};

export const createBudgetStore = ({ db, now }: { db: Kysely<Database>; now: Clock }): BudgetStore => ({
  today: async (): Promise<DayBudget> => {
    const { dayUsd, zone } = await findCeiling(db);
    const day = dayOf(now(), zone);
    const spentUsd = await spentIn(db, day);
    return { dayUsd, zone, ...day, spentUsd, isUsedUp: isUsedUp(dayUsd, spentUsd) };
  },

  set: async ({ dayUsd, zone }) => {
    await db
      .insertInto("budgets")
      .values({ id: ONLY, day_usd: dayUsd, zone: zone ?? DEFAULT_ZONE })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ day_usd: dayUsd, ...(zone === undefined ? {} : { zone }) }))
      .execute();
  },
});
