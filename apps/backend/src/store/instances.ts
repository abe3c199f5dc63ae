import { CcrError, type InstanceId, type SandboxHandle } from "@ccr/protocol";
import type { Kysely, Selectable, Transaction } from "kysely";
import { holdRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { InstancePlace, InstanceRecord, InstanceStore } from "./instance-types.ts";
import { fromJson, toJson } from "./json.ts";
import { toInstance } from "./rows.ts";
import type { Database, InstanceTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";

const COLUMNS = ["id", "run_id", "driver", "status", "created_at", "stopped_at"] as const satisfies (keyof InstanceTable)[];

const toRecord = (row: Selectable<InstanceTable>): InstanceRecord => ({
  ...toInstance(row),
  server: row.server,
  place: fromJson<InstancePlace>(row.place),
  handle: row.handle === null ? null : fromJson<SandboxHandle>(row.handle),
});

const noSuchInstance = (id: InstanceId): CcrError => new CcrError("not_found", `There is no instance ${id}.`);

// A row and its handle.
const WRITE_LENGTH = 4000;

/** Makes sure that there is such an instance, and that the one who writes to it drives its run. */
const hold = async (trx: Transaction<Database>, id: InstanceId, fence: number | null): Promise<void> => {
  const row = await trx.selectFrom("instances").select("run_id").where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw noSuchInstance(id);
  if (fence !== null) await holdRun(trx, row.run_id, fence);
};

export const createInstanceStore = (options: { db: Kysely<Database>; commits: GroupCommit; now: Clock }): InstanceStore => {
  const { db, commits, now } = options;
  const newestFirst = () => db.selectFrom("instances").select(COLUMNS).orderBy("created_at", "desc").orderBy("id", "desc");
  return {
    create: ({ id, runId, driver, server, place }, fence) =>
      commits.run(WRITE_LENGTH, async (trx) => {
        await holdRun(trx, runId, fence);
        const row = await trx
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
      }),

    find: async (id) => {
      const row = await db.selectFrom("instances").select(COLUMNS).where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : toInstance(row);
    },

    list: async () => (await newestFirst().where("stopped_at", "is", null).execute()).map(toInstance),

    listStopped: async ({ before, limit }) => {
      let query = newestFirst().where("stopped_at", "is not", null).limit(limit);
      if (before !== undefined) {
        const last = await db.selectFrom("instances").select("created_at").where("id", "=", before).executeTakeFirst();
        if (last === undefined) throw noSuchInstance(before);
        query = query.where((eb) => eb(eb.refTuple("created_at", "id"), "<", eb.tuple(last.created_at, before)));
      }
      return (await query.execute()).map(toInstance);
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

    saveHandle: (id, handle, fence) =>
      commits.run(WRITE_LENGTH, async (trx) => {
        await hold(trx, id, fence);
        await trx
          .updateTable("instances")
          .set({ handle: toJson(handle, "The handle") })
          .where("id", "=", id)
          .execute();
      }),

    setServer: (id, server, fence) =>
      commits.run(WRITE_LENGTH, async (trx) => {
        await hold(trx, id, fence);
        await trx.updateTable("instances").set({ server }).where("id", "=", id).execute();
      }),

    setStatus: (id, status, fence) =>
      commits.run(WRITE_LENGTH, async (trx) => {
        await hold(trx, id, fence);
        await trx
          .updateTable("instances")
          .set({ status, stopped_at: status === "stopped" ? now().toISOString() : null })
          .where("id", "=", id)
          .where("stopped_at", "is", null)
          .where("status", "!=", status)
          .execute();
      }),
  };
};
