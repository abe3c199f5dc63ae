import { type BatchId, CcrError, isFinal, RUN_STATUSES, type TaskId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import { holdBatch } from "./batch-writes.ts";
import type { Engine } from "./engine.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import type { Upkeep } from "./upkeep-types.ts";

/** No day is longer, in whatever zone it begins. */
const CHARGED_MS = 50 * 3600 * 1000;
const UNFINISHED = RUN_STATUSES.filter((status) => !isFinal(status));

/** Nobody can do anything about another code than that the database cannot be used now, and why. */
const unusable = (error: unknown): CcrError => {
  if (error instanceof CcrError && (error.code === "disk_full" || error.code === "unavailable")) return error;
  return new CcrError("unavailable", error instanceof Error ? error.message : String(error), { cause: error });
};

const removeIfEmpty = async (trx: Transaction<Database>, id: BatchId): Promise<void> => {
  const left = await trx.selectFrom("runs").select("id").where("batch_id", "=", id).limit(1).executeTakeFirst();
  if (left === undefined) await trx.deleteFrom("batches").where("id", "=", id).execute();
};

/** A task that was made for one run goes with the last of its runs. */
const removeIfQuick = async (trx: Transaction<Database>, id: TaskId): Promise<void> => {
  const left = await trx.selectFrom("runs").select("id").where("task_id", "=", id).limit(1).executeTakeFirst();
  if (left === undefined) await trx.deleteFrom("tasks").where("id", "=", id).where("is_quick", "=", 1).execute();
};

export const createUpkeep = (parts: { engine: Engine; commits: GroupCommit; now: Clock }): Upkeep => {
  const { engine, commits, now } = parts;
  const { db } = engine;
  return {
    countRuns: async () => {
      const rows = await db
        .selectFrom("runs")
        .select((eb) => ["status", "reason", eb.cast<number>(eb.fn.countAll(), "integer").as("count")])
        .groupBy(["status", "reason"])
        .orderBy("status")
        .orderBy("reason")
        .execute();
      return rows.map((row) => ({ ...row }));
    },

    check: async () => {
      const at = now().toISOString();
      try {
        // Only what was written, and synced, shows that there is room and that nobody keeps the database locked.
        await db
          .insertInto("pulse")
          .values({ id: 1, at })
          .onConflict((conflict) => conflict.column("id").doUpdateSet({ at }))
          .execute();
      } catch (error) {
        throw unusable(error);
      }
    },

    sizeBytes: () => engine.sizeBytes(),

    databaseId: async () => {
      const { database_id } = await db.selectFrom("identity").select("database_id").executeTakeFirstOrThrow();
      return database_id;
    },

    listEnded: async ({ endedBefore, limit }) => {
      const rows = await db
        .selectFrom("runs")
        .select("id")
        .where("ended_at", "<", endedBefore)
        .where("ended_at", "is not", null) // so that the index by end answers
        .where("status", "not in", UNFINISHED) // so that none of the indexes by status does, which are in another order
        .orderBy("ended_at")
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },

    deleteRun: (id) =>
      commits.run(0, async (trx) => {
        const run = await trx
          .selectFrom("runs")
          .select(["status", "batch_id", "task_id"])
          .where("id", "=", id)
          .executeTakeFirst();
        if (run === undefined || !isFinal(run.status)) return false;
        // Before any of its runs, as whoever else writes to a batch and its runs does.
        if (run.batch_id !== null) await holdBatch(trx, run.batch_id);
        for (const table of ["messages", "diffs", "audit_records", "instances", "run_inputs", "run_texts"] as const) {
          await trx.deleteFrom(table).where("run_id", "=", id).execute();
        }
        // What was spent counts for its day, whatever becomes of the run.
        const lately = new Date(now().getTime() - CHARGED_MS).toISOString();
        await trx
          .deleteFrom("spending")
          .where("at", "<", lately)
          // Those of runs that went before their spending did go now.
          .where(({ eb, or, not, exists }) =>
            or([
              eb("run_id", "=", id),
              not(exists(eb.selectFrom("runs").select("runs.id").whereRef("runs.id", "=", "spending.run_id"))),
            ]),
          )
          .execute();
        const { numDeletedRows } = await trx.deleteFrom("runs").where("id", "=", id).executeTakeFirstOrThrow();
        if (run.batch_id !== null) await removeIfEmpty(trx, run.batch_id);
        await removeIfQuick(trx, run.task_id);
        return numDeletedRows > 0n;
      }),
  };
};
