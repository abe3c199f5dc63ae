import { randomBytes } from "node:crypto";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** A database has a name of its own, by which the folders that belong to it know it from another one. */
export const identity: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("identity")
      .addColumn("database_id", "text", (column) => column.primaryKey())
      .execute();
    await db
      .withTables<{ identity: { database_id: string } }>()
      .insertInto("identity")
      .values({ database_id: `db_${randomBytes(10).toString("hex")}` })
      .execute();
  },
};
