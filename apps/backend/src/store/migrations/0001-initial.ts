import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

// In each table the longest column is the last: what stands before it is then read without it.
const tables = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable("tasks")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("updated_at", "text", (column) => column.notNull())
    .addColumn("steps", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("runs")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("task_id", "text", (column) => column.notNull())
    .addColumn("task_name", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("sentence", "text")
    .addColumn("fence", "integer", (column) => column.notNull())
    .addColumn("last_seq", "integer", (column) => column.notNull())
    .addColumn("step_index", "integer")
    .addColumn("instance_id", "text")
    .addColumn("driver", "text")
    .addColumn("repository", "text", (column) => column.notNull())
    .addColumn("ref", "text")
    .addColumn("model", "text")
    .addColumn("base_commit", "text")
    .addColumn("head_commit", "text")
    .addColumn("limits", "text", (column) => column.notNull())
    .addColumn("usage", "text", (column) => column.notNull())
    .addColumn("idempotency_key", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("started_at", "text")
    .addColumn("ended_at", "text")
    .addColumn("steps", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("instances")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("run_id", "text", (column) => column.notNull().references("runs.id"))
    .addColumn("driver", "text", (column) => column.notNull())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("handle", "text")
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("stopped_at", "text")
    .execute();
  await db.schema
    .createTable("messages")
    .addColumn("run_id", "text", (column) => column.notNull().references("runs.id"))
    .addColumn("seq", "integer", (column) => column.notNull())
    .addColumn("at", "text", (column) => column.notNull())
    .addColumn("source", "text", (column) => column.notNull())
    .addColumn("instance_id", "text")
    .addColumn("spool_seq", "integer")
    .addColumn("body_length", "integer", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("messages_key", ["run_id", "seq"])
    .execute();
  await db.schema
    .createTable("diffs")
    .addColumn("run_id", "text", (column) => column.primaryKey().references("runs.id"))
    .addColumn("diff", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("audit_records")
    .addColumn("run_id", "text", (column) => column.notNull().references("runs.id"))
    .addColumn("n", "integer", (column) => column.notNull())
    .addColumn("decision", "text", (column) => column.notNull())
    .addColumn("record", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("audit_records_key", ["run_id", "n"])
    .execute();
};

const indexes = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.createIndex("tasks_by_time").on("tasks").columns(["created_at", "id"]).execute();
  await db.schema.createIndex("runs_by_time").on("runs").columns(["created_at", "id"]).execute();
  await db.schema.createIndex("runs_by_status").on("runs").columns(["status", "created_at", "id"]).execute();
  await db.schema.createIndex("runs_by_task").on("runs").columns(["task_id", "created_at", "id"]).execute();
  // Runs without a key do not meet each other here: in SQL one null differs from another.
  await db.schema.createIndex("runs_by_key").unique().on("runs").columns(["task_id", "idempotency_key"]).execute();
  await db.schema.createIndex("instances_by_run").on("instances").column("run_id").execute();
  await db.schema.createIndex("instances_by_time").on("instances").columns(["created_at", "id"]).execute();
  await db.schema.createIndex("instances_by_status").on("instances").columns(["status", "created_at", "id"]).execute();
  await db.schema
    .createIndex("messages_by_origin")
    .unique()
    .on("messages")
    .columns(["run_id", "instance_id", "spool_seq"])
    .where("spool_seq", "is not", null)
    .execute();
  await db.schema.createIndex("audit_records_by_decision").on("audit_records").columns(["run_id", "decision", "n"]).execute();
};

export const initial: Migration = {
  up: async (db) => {
    await tables(db);
    await indexes(db);
  },
};
