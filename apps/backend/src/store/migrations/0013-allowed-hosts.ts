import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What people let a run reach while it goes on is kept with it. */
export const allowedHosts: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable("runs").addColumn("allowed_hosts", "text").execute();
  },
};
