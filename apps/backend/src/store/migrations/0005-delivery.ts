import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Results can be delivered: a task and a run say where to, and a run says how far that is. `branch` is what runs are looked up by. */
export const delivery: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("tasks").addColumn("delivery", "text").execute();
    for (const column of ["delivery", "branch", "delivered"])
      await db.schema.alterTable("runs").addColumn(column, "text").execute();
    await db.schema.createIndex("runs_by_branch").on("runs").columns(["branch", "created_at", "id"]).execute();
  },
};
