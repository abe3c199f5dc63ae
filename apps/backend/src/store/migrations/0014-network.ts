import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Runs know what they may reach, and who said so; environments have versions, so that no save overwrites another one unseen. */
export const network: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .alterTable("runs")
      .addColumn("network", "text", (column) => column.notNull().defaultTo("none"))
      .execute();
    await db.schema.alterTable("runs").addColumn("network_by", "text").execute();
    await db.schema
      .alterTable("environments")
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
  },
};
