import type { Kysely } from "kysely";
import type { Database } from "./schema.ts";
import type { RunOverview } from "./upkeep-types.ts";

const GOING = ["starting", "running", "waiting", "canceling"] as const;

export const createRunOverview = ({ db }: { db: Kysely<Database> }): RunOverview => {
  const added = () =>
    db
      .selectFrom("runs")
      .select((eb) => [
        eb.cast<number>(eb.fn.countAll(), "integer").as("runs"),
        eb.fn.coalesce(eb.fn.sum<number>("cost_usd"), eb.val(0)).as("costUsd"),
      ]);
  return {
    spent: ({ from, to }) =>
      added()
        .where("ended_at", ">=", from)
        .where("ended_at", "<", to)
        .where("ended_at", "is not", null)
        .executeTakeFirstOrThrow(),
    going: () => added().where("status", "in", GOING).executeTakeFirstOrThrow(),
  };
};
