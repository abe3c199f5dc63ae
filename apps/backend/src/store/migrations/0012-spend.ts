import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What runs cost is added up by when they ended, without reading the runs themselves, whose rows are wide. */
export const spend: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createIndex("runs_by_spend")
      .on("runs")
      .columns(["ended_at", "cost_usd"])
      .where(sql.ref("ended_at"), "is not", null)
      .execute();
  },
};
