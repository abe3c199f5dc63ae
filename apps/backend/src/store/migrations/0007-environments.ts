import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Environments, which tasks and repositories name and runs have copies of, and from what the sandboxes of a run were made. */
export const environments: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable("environments")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("created_at", "text", (column) => column.notNull())
      .addColumn("updated_at", "text", (column) => column.notNull())
      .addColumn("generation", "integer", (column) => column.notNull())
      .addColumn("secret_names", "text", (column) => column.notNull())
      .addColumn("definition", "text", (column) => column.notNull())
      .execute();
    await db.schema.createIndex("environments_by_time").on("environments").columns(["created_at", "id"]).execute();
    await db.schema
      .createTable("default_environments")
      .addColumn("repository", "text", (column) => column.primaryKey())
      .addColumn("environment_id", "text", (column) => column.notNull().references("environments.id"))
      .execute();
    await db.schema.alterTable("tasks").addColumn("environment_id", "text").execute();
    await db.schema.alterTable("runs").addColumn("environment", "text").execute();
    await db.schema.alterTable("runs").addColumn("prepared", "text").execute();
  },
};
