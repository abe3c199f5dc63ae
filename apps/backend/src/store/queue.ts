import { type BatchId, FINAL_STATUSES, isFinal, RUN_STATUSES } from "@ccr/protocol";
import type { Kysely } from "kysely";
import { isDayUsedUp } from "./budgets.ts";
import type { Engine } from "./engine.ts";
import { refuse } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { type Full, fullOnes, heldBy } from "./limits.ts";
import { activeMsColumn } from "./patches.ts";
import { toClaim, toRun } from "./rows.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import type { Claimer, Queue } from "./types.ts";

/** The statuses of runs that somebody drives, or should. */
const GOING = RUN_STATUSES.filter((status) => status !== "queued" && !isFinal(status));

// A renewal writes one row of some kilobytes.
const RENEWAL_LENGTH = 4000;

/** What is full now, or paused. There are never more runs that go on than all servers drive together. */
const findFull = async (db: Kysely<Database>, limits: Omit<Claimer, "owner">): Promise<Full> => {
  const going = await db.selectFrom("runs").select(["repository", "task_id", "batch_id"]).where("status", "in", GOING).execute();
  const ids = [...new Set(going.flatMap((run) => run.batch_id ?? []))];
  const limited =
    ids.length === 0 ? [] : await db.selectFrom("batches").select(["id", "max_concurrent"]).where("id", "in", ids).execute();
  const paused = await db.selectFrom("batches").select("id").where("state", "=", "paused").execute();
  return fullOnes(going, limits, { limited, paused: paused.map((batch) => batch.id) });
};

const inOrder = (db: Kysely<Database>) =>
  db.selectFrom("runs").where("status", "=", "queued").orderBy("priority", "desc").orderBy("created_at").orderBy("id");

export const createQueue = (parts: { engine: Engine; commits: GroupCommit; now: Clock }): Queue => {
  const { engine, commits, now } = parts;
  const { db } = engine;
  return {
    claimNext: ({ owner, ...limits }) =>
      commits.run(RENEWAL_LENGTH, async (trx) => {
        await engine.exclusively(trx);
        if (await isDayUsedUp(trx, now)) return null;
        const full = await findFull(trx, limits);
        const closed: BatchId[] = [...full.batches, ...full.paused];
        for (;;) {
          const next = await inOrder(trx)
            .select("id")
            .where((eb) => eb.or([eb("owner", "is", null), eb("owner", "=", owner)]))
            .$if(full.repositories.length > 0, (query) => query.where("repository", "not in", full.repositories))
            .$if(full.tasks.length > 0, (query) => query.where("task_id", "not in", full.tasks))
            .$if(closed.length > 0, (query) =>
              query.where((eb) => eb.or([eb("batch_id", "is", null), eb("batch_id", "not in", closed)])),
            )
            .limit(1)
            .executeTakeFirst();
          if (next === undefined) return null;
          const row = await trx
            .updateTable("runs")
            .set((eb) => ({ status: "starting", owner, fence: eb("fence", "+", 1) }))
            .where("id", "=", next.id)
            .where("status", "=", "queued")
            .returningAll()
            .executeTakeFirst();
          if (row !== undefined) return toClaim(row);
          // It was canceled in between, which waits for no claim where there are several writers: there may be another.
        }
      }),

    queued: async (limits) => {
      const full = await findFull(db, limits);
      const rows = await inOrder(db).select(["id", "repository", "task_id", "batch_id", "owner"]).execute();
      return rows.map((row, index) => ({ id: row.id, position: index + 1, home: row.owner, heldBy: heldBy(row, full) }));
    },

    leases: async () => {
      const rows = await db
        .selectFrom("runs")
        .select(["id", "status", "owner", "fence", "lease_beat"])
        .where("status", "in", GOING)
        .execute();
      return rows.map(({ lease_beat, ...lease }) => ({ ...lease, beat: lease_beat }));
    },

    takeOver: async (seen, owner) => {
      const row = await db
        .updateTable("runs")
        .set((eb) => ({ owner, fence: eb("fence", "+", 1) }))
        .where("id", "=", seen.id)
        .where("fence", "=", seen.fence)
        .where("lease_beat", "=", seen.beat)
        .where("status", "in", GOING)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toClaim(row);
    },

    renew: (id, fence, activeMs) =>
      commits.run(RENEWAL_LENGTH, async (trx) => {
        const row = await trx
          .updateTable("runs")
          .set((eb) => ({
            lease_beat: eb("lease_beat", "+", 1),
            active_ms: activeMsColumn(activeMs),
            duration_ms: activeMsColumn(activeMs),
          }))
          .where("id", "=", id)
          .where("fence", "=", fence)
          .where("status", "not in", FINAL_STATUSES)
          .returningAll()
          .executeTakeFirst();
        return row === undefined ? refuse(trx, id, fence) : toRun(row);
      }),

    release: (id, fence) =>
      commits.run(RENEWAL_LENGTH, async (trx, changed) => {
        const { numUpdatedRows } = await trx
          .updateTable("runs")
          .set({ owner: null })
          .where("id", "=", id)
          .where("fence", "=", fence)
          .where("status", "in", GOING)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows > 0n) changed(id);
      }),
  };
};
