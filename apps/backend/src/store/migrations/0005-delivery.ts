import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Results can be delivered: a task and a run say where to, and a run says how far that is, and which one it goes on from. */
export const delivery: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("tasks").addColumn("delivery", "text").execute();
    for (const column of ["delivery", "branch", "delivered", "continues", "continuation"])
      await db.schema.alterTable("runs").addColumn(column, "text").execute();
    await db.schema
      .alterTable("runs")
      .addColumn("is_followed", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex("runs_by_following").on("runs").columns(["is_followed", "created_at"]).execute();
    await db.schema.createIndex("runs_by_continuation").on("runs").columns(["continues", "created_at"]).execute();
    await db.schema.createIndex("runs_by_branch").on("runs").columns(["branch", "created_at", "id"]).execute();
  },
};
