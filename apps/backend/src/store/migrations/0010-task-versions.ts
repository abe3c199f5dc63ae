import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Tasks have versions, parameters and defaults; runs know of which version they are, and what stood for its parameters. */
export const taskVersions: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .alterTable("tasks")
      .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
      .execute();
    await db.schema.alterTable("tasks").addColumn("parameters", "text").execute();
    await db.schema.alterTable("tasks").addColumn("defaults", "text").execute();
    await db.schema
      .createTable("task_versions")
      .addColumn("task_id", "text", (column) => column.notNull())
      .addColumn("version", "integer", (column) => column.notNull())
      .addColumn("saved_at", "text", (column) => column.notNull())
      .addColumn("content_length", "integer", (column) => column.notNull())
      .addColumn("content", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("task_versions_key", ["task_id", "version"])
      .execute();
    await db.schema.alterTable("runs").addColumn("task_version", "integer").execute();
    await db.schema.alterTable("runs").addColumn("parameters", "text").execute();
  },
};
