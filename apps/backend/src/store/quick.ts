import { CcrError } from "@ccr/protocol";
import type { Selectable } from "kysely";
import type { Engine } from "./engine.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { toJson } from "./json.ts";
import type { QuickRuns } from "./listing-types.ts";
import { insertRuns, newRow } from "./new-run.ts";
import { toRun, toTask } from "./rows.ts";
import { differences } from "./runs.ts";
import type { TaskTable } from "./schema.ts";
import { storable } from "./stored-text.ts";
import { type Clock, newTaskRow } from "./tasks.ts";

export const createQuickRuns = (parts: { engine: Engine; commits: GroupCommit; ids: Ids; now: Clock }): QuickRuns => {
  const { engine, commits, ids, now } = parts;
  const { db } = engine;

  /** What was launched with the key before, unless it was something else. */
  const earlier = async (quickKey: string, task: Selectable<TaskTable>, input: Parameters<QuickRuns["start"]>[1]) => {
    const found = await db
      .selectFrom("tasks")
      .innerJoin("runs", "runs.task_id", "tasks.id")
      .selectAll("runs")
      .where("tasks.quick_key", "=", quickKey)
      .where("runs.idempotency_key", "=", quickKey)
      .executeTakeFirst();
    if (found === undefined)
      throw new CcrError("conflict", "This idempotency key was used for a run that is not kept any more. Use another key.");
    const other = [
      ...(found.steps === task.steps ? [] : ["prompt or checks"]),
      ...(found.allow_no_changes === task.allow_no_changes ? [] : ["allowNoChanges"]),
      ...differences(found, { ...input, task: toTask(task) }),
    ];
    if (other.length === 0) return { run: toRun(found), created: false };
    throw new CcrError(
      "conflict",
      `The idempotency key "${quickKey}" belongs to the run ${found.id}, which has another value for ${other.join(" and ")}. Use another key for another run.`,
    );
  };

  return {
    start: async (given, input) => {
      const at = now().toISOString();
      const quickKey = input.idempotencyKey === null ? null : String(storable(input.idempotencyKey));
      const task = { ...newTaskRow(given, { id: ids.task(), at }), is_quick: 1, quick_key: quickKey };
      const row = newRow({ ...input, task: toTask(task) }, { id: ids.run(), at });
      const created = await commits.run(toJson(given.steps, "The task").length * 2, async (trx, changed) => {
        const stored = await trx
          .insertInto("tasks")
          .values(task)
          .onConflict((conflict) => conflict.column("quick_key").doNothing())
          .returning("id")
          .executeTakeFirst();
        if (stored === undefined) return null;
        const [run = null] = await insertRuns(trx, [row]);
        changed(row.id);
        return run;
      });
      if (created !== null) return { run: toRun(created), created: true };
      return earlier(quickKey ?? "", task, input);
    },
  };
};
