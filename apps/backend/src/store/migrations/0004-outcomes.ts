import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** A task says whether a run of it that changes nothing may pass. Until then, each did: those that are there already stay so. */
export const outcomes: Migration = {
  up: async (db: Kysely<unknown>) => {
    for (const table of ["tasks", "runs"])
      await db.schema
        .alterTable(table)
        .addColumn("allow_no_changes", "integer", (column) => column.notNull().defaultTo(1))
        .execute();
  },
};
