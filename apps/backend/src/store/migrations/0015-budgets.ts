import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * What runs cost is kept with when it became known, so that a day is charged with what was spent on it, also by runs that began before or end after it.
 * Of runs from before, all is said to be spent when they ended or, if they go on, began.
 */
export const budgets: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("budgets")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("day_usd", "double precision")
      .addColumn("zone", "text", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("spending")
      .addColumn("run_id", "text", (column) => column.notNull())
      .addColumn("at", "text", (column) => column.notNull())
      .addColumn("cost_usd", "double precision", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("spending_by_time").on("spending").columns(["at", "cost_usd"]).execute();
    await db.schema.createIndex("spending_by_run").on("spending").column("run_id").execute();
    await sql`insert into spending (run_id, at, cost_usd)
      select id, coalesce(ended_at, started_at, created_at), cost_usd from runs where cost_usd > 0`.execute(db);
  },
};
