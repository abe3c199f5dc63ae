import { RunLimits } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { expect, test } from "vitest";
import { openSqliteStore } from "../sqlite.ts";
import { openDatabase } from "../sqlite-database.ts";
import { nodeSqliteDialect } from "../sqlite-dialect.ts";
import { createTask, ids } from "../suite/place.ts";
import { initial } from "./0001-initial.ts";

const [short, long, waiting] = [ids.run(), ids.run(), ids.run()];
const taskId = ids.task();
const at = (minute: number) => `2026-10-01T12:${String(minute).padStart(2, "0")}:00.000Z`;

/** A row of the version that had one step of the schema. */
const row = (id: string, given: Record<string, string | null> = {}) => ({
  id,
  task_id: taskId,
  task_name: "Fix the build",
  status: "succeeded",
  reason: "passed",
  sentence: "Every step finished.",
  fence: 1,
  last_seq: 0,
  repository: "ada/engine",
  limits: JSON.stringify(RunLimits.parse({})),
  usage: JSON.stringify({ costUsd: 0.5, inputTokens: 1, outputTokens: 2, turns: 3 }),
  created_at: at(0),
  started_at: at(1),
  ended_at: at(2),
  steps: JSON.stringify([{ instructions: 'Mend the "parser"\nplease', checks: "" }]),
  ...given,
});

test("runs of the time before are found by their words and sorted by how long they took", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("ccr.db");
  {
    const database = await openDatabase(path, 1000);
    const db = new Kysely<Record<string, Record<string, unknown>>>({ dialect: nodeSqliteDialect(database, path) });
    const provider = { getMigrations: async () => ({ "0001-initial": initial }) };
    const { error } = await new Migrator({ db, provider }).migrateToLatest();
    if (error !== undefined) throw error;
    await db
      .insertInto("tasks")
      .values({ id: taskId, name: "Old", created_at: at(0), updated_at: at(0), steps: "[]" })
      .execute();
    const rows = [
      row(short),
      row(long, { ended_at: at(30), task_name: "Tidy Up", sentence: "A check did not pass.", status: "failed" }),
      row(waiting, { status: "queued", started_at: null, ended_at: null, sentence: null, reason: null }),
    ];
    for (const each of rows) await db.insertInto("runs").values(each).execute();
    await db.destroy();
  }
  await using store = await openSqliteStore({ path });
  const found = async (text: string) => (await store.listing.page({ sort: "longest", limit: 9, text })).runs.map(({ id }) => id);
  expect(await found("")).toEqual([long, short, waiting]);
  expect(await found("TIDY check")).toEqual([long]);
  expect(await found('"parser" please')).toEqual([long, short, waiting]);
  expect((await store.tasks.list()).map(({ id }) => id)).toEqual([taskId]);
  expect(await store.tasks.find(taskId)).not.toHaveProperty("isQuick");
  await createTask(store, "New");
  expect(await store.tasks.list()).toHaveLength(2);
});
