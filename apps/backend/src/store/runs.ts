import {
  CcrError,
  DEFAULT_PERMISSION_MODE,
  diffSizeOf,
  FINAL_STATUSES,
  type ListRunsInput,
  namesHost,
  type RunLimits,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { Selectable } from "kysely";
import type { Engine } from "./engine.ts";
import { lengthOf } from "./entries.ts";
import type { Feeds } from "./feeds.ts";
import { holdRun, refuse } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { fromJson, toJson } from "./json.ts";
import { entriesOf, moveRuns, tellMoved } from "./moves.ts";
import { additionalColumn, insertRuns, newRow, parametersColumn } from "./new-run.ts";
import { patchColumns } from "./patches.ts";
import { toRun } from "./rows.ts";
import type { RunTable } from "./schema.ts";
import { storable } from "./stored-text.ts";
import type { Clock } from "./tasks.ts";
import type { NewRun, RunStore } from "./types.ts";

/** What the launch or the task asked for: what an environment says may be another thing by now. */
const networkAsked = ({ network, networkBy }: Pick<NewRun, "network" | "networkBy">) =>
  networkBy === "launch" || networkBy === "task" ? network : null;

const sameLimits = (one: RunLimits, other: RunLimits): boolean => {
  const both = new Map([...Object.entries(one), ...Object.entries(other)]);
  return [...both.keys()].every((name) => (Reflect.get(one, name) ?? null) === (Reflect.get(other, name) ?? null));
};

/** What a launch asks for that the run of the same idempotency key does not have. */
export const differences = (row: Selectable<RunTable>, input: NewRun): string[] => {
  const same = {
    repository: row.repository === storable(input.repository),
    ref: row.ref === storable(input.ref),
    directory: row.directory === (input.directory ?? null),
    additionalRepositories: row.additional === additionalColumn(input),
    model: row.model === storable(input.model),
    permissionMode: row.permission_mode === (input.permissionMode ?? DEFAULT_PERMISSION_MODE),
    asks: (row.asks !== 0) === (input.asks ?? false),
    limits: sameLimits(toRun(row).limits, input.limits),
    delivery: row.delivery === (input.delivery === null ? null : toJson(input.delivery, "The run")),
    parameters: row.parameters === parametersColumn(input),
    network: networkAsked(toRun(row)) === networkAsked(input),
    // More may have been allowed since.
    allowedHosts: (input.allowedHosts ?? []).every(({ host, ports }) =>
      ports.every((port) => namesHost(toRun(row).allowedHosts, { host, port })),
    ),
    environment: (toRun(row).environment?.id ?? null) === (input.environment?.id ?? null),
  };
  return Object.entries(same).flatMap(([name, is]) => (is ? [] : [name]));
};

export const createRunStore = (parts: { engine: Engine; commits: GroupCommit; feeds: Feeds; ids: Ids; now: Clock }): RunStore => {
  const { commits, feeds, ids, now } = parts;
  const { db } = parts.engine;

  const listed = async ({ taskId, batchId, status, before, limit }: ListRunsInput) => {
    let query = db.selectFrom("runs").selectAll().orderBy("created_at", "desc").orderBy("id", "desc").limit(limit);
    if (taskId !== undefined) query = query.where("task_id", "=", taskId);
    if (batchId !== undefined) query = query.where("batch_id", "=", batchId);
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
      const row = newRow(input, { id: ids.run(), at: now().toISOString() });
      const inserted = await commits.run(row.steps.length, async (trx, changed) => {
        const [stored] = await insertRuns(trx, [row]);
        if (stored !== undefined) changed(row.id);
        return stored;
      });
      if (inserted !== undefined) return { run: toRun(inserted), created: true };
      const earlier = await db
        .selectFrom("runs")
        .selectAll()
        .where("task_id", "=", row.task_id)
        .where("idempotency_key", "=", row.idempotency_key)
        .executeTakeFirstOrThrow();
      const different = differences(earlier, input);
      if (different.length === 0) return { run: toRun(earlier), created: false };
      throw new CcrError(
        "conflict",
        `This task's idempotency key "${input.idempotencyKey}" belongs to the run ${earlier.id}, which has ${different.length > 1 ? "other values" : "another value"} for ${different.join(" and ")}. Use another key for another run.`,
      );
    },

    find: async (id) => {
      const row = await db.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : toRun(row);
    },

    list: async (input) => (input.status?.length === 0 ? [] : listed(input)),

    advance: async (id, { fence, message, ...move }) => {
      const entries = entriesOf({ message }, now);
      const moved = await commits.run(lengthOf(entries), async (trx, changed) => {
        const all = await moveRuns(trx, { ...move, entries }, { ids: [id], fence });
        if (all.length > 0) changed(id);
        return all;
      });
      tellMoved(feeds, moved);
      const [one] = moved;
      return one === undefined ? null : toRun(one.row);
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

    setPriority: async (id, priority) => {
      const row = await db
        .updateTable("runs")
        .set({ priority })
        .where("id", "=", id)
        .where("status", "=", "queued")
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toRun(row);
    },

    saveDiff: async (id, fence, diff) => {
      const text = toJson(diff, "The diff");
      await commits.run(text.length, async (trx) => {
        await holdRun(trx, id, fence);
        await trx
          .updateTable("runs")
          .set({ diff_size: toJson(diffSizeOf(diff.files), "The diff") })
          .where("id", "=", id)
          .execute();
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
