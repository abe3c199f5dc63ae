import { CcrError } from "@ccr/protocol";
import type { Kysely, Selectable } from "kysely";
import { readRows } from "./batch-rows.ts";
import type { BatchStore, BatchTallies, Move, NewBatch, Tally } from "./batch-types.ts";
import { cancelBatch, chooseRun, insertBatch, retryBatch } from "./batch-writes.ts";
import type { Engine } from "./engine.ts";
import { lengthOf } from "./entries.ts";
import type { Feeds } from "./feeds.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { toJson } from "./json.ts";
import { entriesOf, evenIfMet, tellMoved } from "./moves.ts";
import { newRow } from "./new-run.ts";
import { toBatch, toRun } from "./rows.ts";
import type { BatchTable, Database, RunTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";

/** What was asked for in other words by the same key. */
const differences = (stored: string, request: NewBatch["request"]): string[] => {
  const before: Record<string, unknown> = JSON.parse(stored);
  const after: Record<string, unknown> = JSON.parse(toJson(request, "The batch"));
  const same = (name: string) => JSON.stringify(before[name] ?? null) === JSON.stringify(after[name] ?? null);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => !same(name));
};

const tally = async (db: Kysely<Database>, row: Selectable<BatchTable>): Promise<BatchTallies> => {
  const rows = await db
    .selectFrom("runs")
    .select((eb) => [
      "status",
      "reason",
      "batch_mark as mark",
      "is_delivered",
      eb.cast<number>(eb.fn.countAll(), "integer").as("count"),
      eb.fn.sum<number>("cost_usd").as("costUsd"),
      eb.fn.min("started_at").as("startedAt"),
      eb.fn.max("ended_at").as("endedAt"),
    ])
    .where("batch_id", "=", row.id)
    .groupBy(["batch_mark", "status", "reason", "is_delivered"])
    .execute();
  return {
    batch: toBatch(row),
    runs: row.run_count,
    tallies: rows.map(({ is_delivered, ...group }): Tally => ({ ...group, isDelivered: is_delivered !== 0 })),
  };
};

const toRows = (
  input: NewBatch,
  { ids, at }: { ids: Ids; at: string },
): { batch: Selectable<BatchTable>; runs: Selectable<RunTable>[] } => {
  const id = ids.batch();
  const runs = input.members.map(({ run, ...part }, index) => {
    const member = { ...part, id, place: index + 1, tries: 1, mark: null };
    return newRow({ ...run, idempotencyKey: null }, { id: ids.run(), at, member });
  });
  return {
    runs,
    batch: {
      id,
      task_id: input.task.id,
      task_name: input.task.name,
      name: input.name,
      state: "running",
      max_concurrent: input.maxConcurrent,
      attempts: input.attempts,
      group_count: input.groups,
      run_count: runs.length,
      idempotency_key: input.idempotencyKey,
      created_at: at,
      variants: toJson(input.variants, "The batch"),
      request: toJson(input.request, "The batch"),
    },
  };
};

export const createBatchStore = (parts: {
  engine: Engine;
  commits: GroupCommit;
  feeds: Feeds;
  ids: Ids;
  now: Clock;
}): BatchStore => {
  const { engine, commits, feeds, ids, now } = parts;
  const { db } = engine;
  /** About how much one run's move writes. */
  const lengthOfMoves = (moves: readonly Move[]): number => moves.reduce((sum, move) => sum + lengthOf(entriesOf(move, now)), 0);

  return {
    create: async (input) => {
      const rows = toRows(input, { ids, at: now().toISOString() });
      const length = rows.runs.reduce((sum, { steps }) => sum + steps.length, 0);
      const created = await commits.run(length, async (trx, changed) => {
        const stored = await insertBatch(trx, rows);
        if (stored !== null) for (const { id } of rows.runs) changed(id);
        return stored;
      });
      if (created !== null) return { batch: toBatch(created), created: true };
      const earlier = await db
        .selectFrom("batches")
        .selectAll()
        .where("task_id", "=", rows.batch.task_id)
        .where("idempotency_key", "=", rows.batch.idempotency_key)
        .executeTakeFirstOrThrow();
      const different = differences(earlier.request, input.request);
      if (different.length === 0) return { batch: toBatch(earlier), created: false };
      throw new CcrError(
        "conflict",
        `This task's idempotency key "${input.idempotencyKey}" belongs to the batch ${earlier.id}, which has ${different.length > 1 ? "other values" : "another value"} for ${different.join(" and ")}. Use another key for another batch.`,
      );
    },

    find: async (id) => {
      const row = await db.selectFrom("batches").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : tally(db, row);
    },

    list: async ({ before, limit }) => {
      let query = db.selectFrom("batches").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").limit(limit);
      if (before !== undefined) {
        const last = await db.selectFrom("batches").select("created_at").where("id", "=", before).executeTakeFirst();
        if (last === undefined) throw new CcrError("not_found", `There is no batch ${before} to go on from.`);
        query = query.where((eb) => eb(eb.refTuple("created_at", "id"), "<", eb.tuple(last.created_at, before)));
      }
      return Promise.all((await query.execute()).map((row) => tally(db, row)));
    },

    rows: (input) => readRows(db, input),

    setState: (id, { from, to }) =>
      evenIfMet(() =>
        commits.run(0, async (trx) => {
          // Whoever claims a run now has read how the batch was, and is waited for; whoever is next reads what is written here.
          await engine.exclusively(trx);
          const row = await trx
            .updateTable("batches")
            .set({ state: to })
            .where("id", "=", id)
            .where("state", "in", from)
            .returningAll()
            .executeTakeFirst();
          return row === undefined ? null : toBatch(row);
        }),
      ),

    cancel: async (id, moves) => {
      const moved = await evenIfMet(() =>
        commits.run(lengthOfMoves(moves), async (trx, changed) => {
          const all = await cancelBatch(trx, id, { moves, now });
          for (const { row } of all ?? []) changed(row.id);
          return all;
        }),
      );
      if (moved === null) return null;
      tellMoved(feeds, moved);
      return moved.map(({ row }) => toRun(row));
    },

    retry: (id) =>
      evenIfMet(() =>
        commits.run(0, async (trx, changed) => {
          const created = await retryBatch(trx, id, { ids, now });
          for (const runId of created ?? []) changed(runId);
          return created;
        }),
      ),

    choose: async (id, moves) => {
      const { moved, ...made } = await evenIfMet(() =>
        commits.run(lengthOfMoves(moves), async (trx, changed) => {
          const done = await chooseRun(trx, id, { moves, now });
          for (const { row } of done.moved) changed(row.id);
          return done;
        }),
      );
      tellMoved(feeds, moved);
      return { ...made, moved: moved.map(({ row }) => toRun(row)) };
    },
  };
};
