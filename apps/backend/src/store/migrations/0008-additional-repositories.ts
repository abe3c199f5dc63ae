import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * Runs may have several repositories: which they are, and, apart from that, what became of them. Whether all that was to be delivered is, stands by
 * itself, so that runs can be counted by it.
 */
export const additionalRepositories: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("runs").addColumn("directory", "text").execute();
    await db.schema.alterTable("runs").addColumn("additional", "text").execute();
    await db.schema.alterTable("runs").addColumn("additional_state", "text").execute();
    await db.schema
      .alterTable("runs")
      .addColumn("is_delivered", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`update runs set is_delivered = 1 where delivered like ${'%"state":"delivered"%'}`.execute(db);
    // By this the runs of a batch are counted.
    await db.schema.dropIndex("runs_by_mark").execute();
    await db.schema
      .createIndex("runs_by_mark")
      .on("runs")
      .columns(["batch_id", "batch_mark", "status", "reason", "is_delivered"])
      .execute();
  },
};
