import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Runs may have several repositories: which they are, and, apart from that, what became of them. */
export const additionalRepositories: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("runs").addColumn("directory", "text").execute();
    await db.schema.alterTable("runs").addColumn("additional", "text").execute();
    await db.schema.alterTable("runs").addColumn("additional_state", "text").execute();
  },
};
