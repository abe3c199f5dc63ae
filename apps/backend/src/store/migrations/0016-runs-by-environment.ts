import type { RunEnvironment } from "@ccr/protocol";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { fromJson } from "../json.ts";
import type { Database } from "../schema.ts";

const ROWS_AT_ONCE = 200;

/** Runs of the time before are found by their environment as later ones are. */
const fill = async (db: Kysely<Pick<Database, "runs">>): Promise<void> => {
  for (let after = ""; ; ) {
    const rows = await db
      .selectFrom("runs")
      .select(["id", "environment"])
      .where(sql<string>`id`, ">", after)
      .where("environment", "is not", null)
      .orderBy("id")
      .limit(ROWS_AT_ONCE)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    for (const { id, environment } of rows) {
      if (environment === null) continue;
      const environment_id = fromJson<RunEnvironment>(environment).id;
      await db.updateTable("runs").set({ environment_id }).where("id", "=", id).execute();
    }
  }
};

/** Which environment a run has, apart from its copy of it. */
export const runsByEnvironment: Migration = {
  up: async (db) => {
    await db.schema.alterTable("runs").addColumn("environment_id", "text").execute();
    await db.schema.createIndex("runs_by_environment").on("runs").columns(["environment_id", "created_at", "id"]).execute();
    await fill(db);
  },
};
