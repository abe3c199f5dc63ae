import {
  CcrError,
  FINAL_STATUSES,
  isFinal,
  type ListRunsInput,
  RUN_STATUSES,
  type RunId,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { Selectable, Updateable } from "kysely";
import type { Engine } from "./engine.ts";
import { encode, insertAfter, lengthOf } from "./entries.ts";
import type { Feeds } from "./feeds.ts";
import { holdRun, refuse } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { fromJson, toJson } from "./json.ts";
import { toRun } from "./rows.ts";
import type { RunTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import type { Claim, NewRun, RunPatch, RunStore } from "./types.ts";

const UNFINISHED = RUN_STATUSES.filter((status) => !isFinal(status));

const patchColumns = (patch: RunPatch): Updateable<RunTable> => ({
  ...(patch.reason !== undefined && { reason: patch.reason }),
  ...(patch.sentence !== undefined && { sentence: patch.sentence }),
  ...(patch.stepIndex !== undefined && { step_index: patch.stepIndex }),
  ...(patch.instanceId !== undefined && { instance_id: patch.instanceId }),
  ...(patch.driver !== undefined && { driver: patch.driver }),
  ...(patch.baseCommit !== undefined && { base_commit: patch.baseCommit }),
  ...(patch.headCommit !== undefined && { head_commit: patch.headCommit }),
  ...(patch.usage !== undefined && { usage: toJson(patch.usage, "The usage") }),
  ...(patch.startedAt !== undefined && { started_at: patch.startedAt }),
  ...(patch.endedAt !== undefined && { ended_at: patch.endedAt }),
});

const newRow = (input: NewRun, id: RunId, at: string): Selectable<RunTable> => ({
  id,
  task_id: input.task.id,
  task_name: input.task.name,
  steps: toJson(input.task.steps, "The run"),
  repository: input.repository,
  ref: input.ref,
  model: input.model,
  limits: toJson(input.limits, "The run"),
  status: "queued",
  reason: null,
  sentence: null,
  step_index: null,
  instance_id: null,
  driver: null,
  base_commit: null,
  head_commit: null,
  usage: toJson({ costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 }, "The run"),
  last_seq: 0,
  fence: 0,
  idempotency_key: input.idempotencyKey,
  created_at: at,
  started_at: null,
  ended_at: null,
});

const toClaim = (row: Selectable<RunTable> | undefined): Claim | null =>
  row === undefined ? null : { run: toRun(row), fence: row.fence };

export const createRunStore = (parts: { engine: Engine; commits: GroupCommit; feeds: Feeds; ids: Ids; now: Clock }): RunStore => {
  const { engine, commits, feeds, ids, now } = parts;
  const { db } = engine;

  const listed = async ({ taskId, status, before, limit }: ListRunsInput) => {
    let query = db.selectFrom("runs").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").limit(limit);
    if (taskId !== undefined) query = query.where("task_id", "=", taskId);
    if (status !== undefined) query = query.where("status", "in", status);
    if (before !== undefined) {
      const last = await db.selectFrom("runs").select("created_at").where("id", "=", before).executeTakeFirst();
      if (last === undefined) throw new CcrError("not_found", `There is no run ${before} to go on from.`);
      query = query.where((eb) => eb(eb.refTuple("created_at", "id"), "<", eb.tuple(last.created_at, before)));
    }
    return (await query.execute()).map(toRun);
  };

  return {
    create: async (input) => {
      const row = newRow(input, ids.run(), now().toISOString());
      const inserted = await db
        .insertInto("runs")
        .values(row)
        .onConflict((conflict) => conflict.columns(["task_id", "idempotency_key"]).doNothing())
        .returning("id")
        .executeTakeFirst();
      if (inserted !== undefined) return { run: toRun(row), created: true };
      const earlier = await db
        .selectFrom("runs")
        .selectAll()
        .where("task_id", "=", row.task_id)
        .where("idempotency_key", "=", row.idempotency_key)
        .executeTakeFirstOrThrow();
      return { run: toRun(earlier), created: false };
    },

    find: async (id) => {
      const row = await db.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : toRun(row);
    },

    list: async (input) => (input.status?.length === 0 ? [] : listed(input)),

    listUnfinished: async () => {
      const rows = await db
        .selectFrom("runs")
        .selectAll()
        .where("status", "in", UNFINISHED)
        .orderBy("created_at")
        .orderBy("id")
        .execute();
      return rows.map(toRun);
    },

    claimNext: async () => {
      const row = await db
        .updateTable("runs")
        .set((eb) => ({ status: "starting", fence: eb("fence", "+", 1) }))
        .where("id", "=", (eb) =>
          engine.claimable(
            eb.selectFrom("runs").select("id").where("status", "=", "queued").orderBy("created_at").orderBy("id").limit(1),
          ),
        )
        .returningAll()
        .executeTakeFirst();
      return toClaim(row);
    },

    takeOver: async (id) => {
      const row = await db
        .updateTable("runs")
        .set((eb) => ({ fence: eb("fence", "+", 1) }))
        .where("id", "=", id)
        .where("status", "not in", FINAL_STATUSES)
        .returningAll()
        .executeTakeFirst();
      return toClaim(row);
    },

    advance: async (id, { from, to, fence, patch = {}, message }) => {
      const open = from.filter((status) => !isFinal(status));
      if (open.length === 0) return null;
      const entries = message === undefined ? [] : [encode({ at: now().toISOString(), ...message }, null)];
      const moved = await commits.run(lengthOf(entries), async (trx) => {
        const row = await trx
          .updateTable("runs")
          .set((eb) => ({ ...patchColumns(patch), status: to, last_seq: eb("last_seq", "+", entries.length) }))
          .where("id", "=", id)
          .where("status", "in", open)
          .$if(fence !== undefined, (query) => query.where("fence", "=", fence ?? null))
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return null;
        const seq = row.last_seq - entries.length;
        return { run: toRun(row), stored: await insertAfter(trx, entries, { runId: id, instanceId: null, seq }) };
      });
      if (moved === null) return null;
      feeds.publish(id, moved.stored);
      feeds.noteStatus(moved.run);
      return moved.run;
    },

    patch: async (id, fence, patch) => {
      const row = await db
        .updateTable("runs")
        .set({ ...patchColumns(patch), fence })
        .where("id", "=", id)
        .where("fence", "=", fence)
        .where("status", "not in", FINAL_STATUSES)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? refuse(db, id, fence) : toRun(row);
    },

    saveDiff: async (id, fence, diff) => {
      const text = toJson(diff, "The diff");
      await commits.run(text.length, async (trx) => {
        await holdRun(trx, id, fence);
        await trx
          .insertInto("diffs")
          .values({ run_id: id, diff: text })
          .onConflict((conflict) => conflict.column("run_id").doUpdateSet({ diff: text }))
          .execute();
      });
    },

    findDiff: async (id) => {
      const row = await db.selectFrom("diffs").select("diff").where("run_id", "=", id).executeTakeFirst();
      return row === undefined ? null : fromJson<WorkspaceDiff>(row.diff);
    },
  };
};
