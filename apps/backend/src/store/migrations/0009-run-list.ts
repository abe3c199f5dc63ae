import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { durationMsOf, searchTextOf } from "../run-text.ts";
import type { Database } from "../schema.ts";

const ROWS_AT_ONCE = 200;

/** Tasks that were made for one run, by `runs.start`. */
const quickTasks = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .alterTable("tasks")
    .addColumn("is_quick", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable("tasks").addColumn("quick_key", "text").execute();
  await db.schema.createIndex("tasks_by_kind").on("tasks").columns(["is_quick", "created_at", "id"]).execute();
  await db.schema.createIndex("tasks_by_quick_key").unique().on("tasks").column("quick_key").execute();
};

/** By what runs are sorted and looked for. */
const runs = async (db: Kysely<unknown>): Promise<void> => {
  for (const name of ["duration_ms", "is_dismissed"])
    await db.schema
      .alterTable("runs")
      .addColumn(name, "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  const index = (name: string, columns: string[]) => db.schema.createIndex(name).on("runs").columns(columns);
  await index("runs_by_repository", ["repository", "created_at", "id"]).execute();
  await index("runs_by_duration", ["duration_ms", "id"]).execute();
  await index("runs_by_cost", ["cost_usd", "id"]).execute();
  await index("runs_by_attention", ["status", "is_dismissed", "ended_at", "id"]).execute();
  await db.schema
    .createTable("run_texts")
    .addColumn("run_id", "text", (column) => column.primaryKey().references("runs.id"))
    .addColumn("ending", "text", (column) => column.notNull().defaultTo(""))
    .addColumn("text", "text", (column) => column.notNull())
    .execute();
};

/** Runs of the time before are found and sorted as later ones are. */
const fill = async (db: Kysely<Pick<Database, "runs" | "run_texts">>): Promise<void> => {
  for (let after = ""; ; ) {
    const rows = await db
      .selectFrom("runs")
      .select(["id", "task_name", "steps", "repository", "ref", "additional", "sentence", "created_at", "started_at", "ended_at"])
      .where(sql<string>`id`, ">", after)
      .orderBy("id")
      .limit(ROWS_AT_ONCE)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    await db.insertInto("run_texts").values(rows.map(searchTextOf)).execute();
    for (const row of rows) {
      if (row.ended_at === null) continue;
      await db
        .updateTable("runs")
        .set({ duration_ms: durationMsOf({ ...row, ended_at: row.ended_at }) })
        .where("id", "=", row.id)
        .execute();
    }
  }
};

export const runList: Migration = {
  up: async (db) => {
    await quickTasks(db);
    await runs(db);
    await fill(db);
  },
};
