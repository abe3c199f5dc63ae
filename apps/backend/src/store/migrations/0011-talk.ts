import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * What people say to runs: in a table of its own, since it is said whether or not anybody drives the run. What an agent may do without asking, whether it
 * may ask at all, and what it asks at the moment are parts of its run.
 */
export const talk: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("run_inputs")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("run_id", "text", (column) => column.notNull().references("runs.id").onDelete("cascade"))
      .addColumn("body", "text", (column) => column.notNull())
      .addColumn("state", "text", (column) => column.notNull())
      .addColumn("revision", "integer", (column) => column.notNull())
      .addColumn("created_at", "text", (column) => column.notNull())
      .addColumn("idempotency_key", "text")
      .addUniqueConstraint("run_inputs_once", ["run_id", "idempotency_key"])
      .execute();
    await db.schema.createIndex("run_inputs_by_run").on("run_inputs").columns(["run_id", "id"]).execute();
    await db.schema
      .alterTable("runs")
      .addColumn("permission_mode", "text", (column) => column.notNull().defaultTo("bypassPermissions"))
      .execute();
    // Runs of the time before could not ask.
    await db.schema
      .alterTable("runs")
      .addColumn("asks", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema.alterTable("runs").addColumn("questions", "text").execute();
  },
};
