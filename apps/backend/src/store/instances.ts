import { CcrError, type InstanceId, type SandboxHandle } from "@ccr/protocol";
import type { Kysely, Selectable } from "kysely";
import { noSuchRun } from "./fence.ts";
import { fromJson, toJson } from "./json.ts";
import { toInstance } from "./rows.ts";
import type { Database, InstanceTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import type { InstancePlace, InstanceRecord, InstanceStore } from "./types.ts";

const LIST_MAX = 500;
const COLUMNS = ["id", "run_id", "driver", "status", "created_at", "stopped_at"] as const satisfies (keyof InstanceTable)[];

const toRecord = (row: Selectable<InstanceTable>): InstanceRecord => ({
  ...toInstance(row),
  server: row.server,
  place: fromJson<InstancePlace>(row.place),
  handle: row.handle === null ? null : fromJson<SandboxHandle>(row.handle),
});

const noSuchInstance = (id: InstanceId): CcrError => new CcrError("not_found", `There is no instance ${id}.`);

export const createInstanceStore = ({ db, now }: { db: Kysely<Database>; now: Clock }): InstanceStore => ({
  create: async ({ id, runId, driver, server, place }) => {
    const run = await db.selectFrom("runs").select("id").where("id", "=", runId).executeTakeFirst();
    if (run === undefined) throw noSuchRun(runId);
    const row = await db
      .insertInto("instances")
      .values({
        id,
        run_id: runId,
        driver,
        status: "starting",
        handle: null,
        server,
        place: toJson(place, "The instance's place"),
        created_at: now().toISOString(),
        stopped_at: null,
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning(COLUMNS)
      .executeTakeFirst();
    if (row === undefined) throw new CcrError("conflict", `There is an instance ${id} already.`);
    return toInstance(row);
  },

  find: async (id) => {
    const row = await db.selectFrom("instances").select(COLUMNS).where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : toInstance(row);
  },

  list: async ({ all = false } = {}) => {
    const query = db.selectFrom("instances").select(COLUMNS).orderBy("created_at", "desc").orderBy("id", "desc");
    const rows = await (all ? query.limit(LIST_MAX) : query.where("stopped_at", "is", null)).execute();
    return rows.map(toInstance);
  },

  findRecord: async (id) => {
    const row = await db.selectFrom("instances").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : toRecord(row);
  },

  listRecords: async (of) => {
    const query = db.selectFrom("instances").selectAll().where("stopped_at", "is", null).orderBy("created_at").orderBy("id");
    const rows = await ("runId" in of ? query.where("run_id", "=", of.runId) : query.where("server", "=", of.server)).execute();
    return rows.map(toRecord);
  },

  saveHandle: async (id, handle) => {
    const { numUpdatedRows } = await db
      .updateTable("instances")
      .set({ handle: toJson(handle, "The handle") })
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) throw noSuchInstance(id);
  },

  setServer: async (id, server) => {
    const { numUpdatedRows } = await db.updateTable("instances").set({ server }).where("id", "=", id).executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) throw noSuchInstance(id);
  },

  setStatus: async (id, status) => {
    const { numUpdatedRows } = await db
      .updateTable("instances")
      .set({ status, stopped_at: status === "stopped" ? now().toISOString() : null })
      .where("id", "=", id)
      .where("stopped_at", "is", null)
      .where("status", "!=", status)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) return;
    const row = await db.selectFrom("instances").select("id").where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw noSuchInstance(id);
  },
});
