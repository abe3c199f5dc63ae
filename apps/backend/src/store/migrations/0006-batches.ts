import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

const batches = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable("batches")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("task_id", "text", (column) => column.notNull())
    .addColumn("task_name", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("max_concurrent", "integer")
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("group_count", "integer", (column) => column.notNull())
    .addColumn("run_count", "integer", (column) => column.notNull())
    .addColumn("idempotency_key", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("variants", "text", (column) => column.notNull())
    .addColumn("request", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("batches_by_time").on("batches").columns(["created_at", "id"]).execute();
  await db.schema.createIndex("batches_by_state").on("batches").columns(["state", "id"]).execute();
  await db.schema.createIndex("batches_by_key").unique().on("batches").columns(["task_id", "idempotency_key"]).execute();
};

/** A run has a part in a batch, or none; and figures, by which a table of many is drawn. Of runs that are there already none are known. */
const runs = async (db: Kysely<unknown>): Promise<void> => {
  for (const name of ["batch_group", "batch_attempt", "batch_place", "batch_tries"])
    await db.schema.alterTable("runs").addColumn(name, "integer").execute();
  for (const name of ["batch_id", "batch_variant", "batch_mark", "figures", "diff_size"])
    await db.schema.alterTable("runs").addColumn(name, "text").execute();
  await db.schema
    .alterTable("runs")
    .addColumn("cost_usd", "double precision", (column) => column.notNull().defaultTo(0))
    .execute();
  const ofBatch = (name: string, columns: string[]) => db.schema.createIndex(name).on("runs").columns(columns);
  // No part of a batch is done by two runs, whoever launches it again at the same moment.
  await ofBatch("runs_by_place", ["batch_id", "batch_place", "batch_tries"]).unique().execute();
  await ofBatch("runs_by_mark", ["batch_id", "batch_mark", "status", "reason"]).execute();
  await ofBatch("runs_by_batch_and_time", ["batch_id", "created_at", "id"]).execute();
};

/** Runs are launched together, compared, and one of those that compete is chosen. */
export const batched: Migration = {
  up: async (db: Kysely<unknown>) => {
    await batches(db);
    await runs(db);
  },
};
