import {
  CcrError,
  type CreateTaskInput,
  changedFields,
  contentOf,
  NO_DEFAULTS,
  OVERVIEW_RUNS,
  TASK_VERSIONS_MAX,
  type Task,
  type TaskContent,
  type TaskId,
} from "@ccr/protocol";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { toJson } from "./json.ts";
import { toTask, toTaskContent } from "./rows.ts";
import type { Database, TaskTable } from "./schema.ts";
import type { LastRun, TaskStore } from "./types.ts";

export type Clock = () => Date;

/** All earlier versions of one task that are kept have at most so many characters together; the last one is kept whatever it has. */
const VERSIONS_MAX_CHARACTERS = 8_000_000;

const orNull = (value: object | null | undefined, isEmpty: boolean): string | null =>
  value == null || isEmpty ? null : toJson(value, "The task");

/** The columns of what a person wrote. */
const contentColumns = (content: TaskContent) => ({
  name: content.name,
  steps: toJson(content.steps, "The task"),
  allow_no_changes: content.allowNoChanges ? 1 : 0,
  delivery: orNull(content.delivery, false),
  environment_id: content.environmentId,
  parameters: orNull(content.parameters, content.parameters.length === 0),
  defaults: toJson(content.defaults, "The task"),
});

/** Keeps the version that is about to be replaced, and lets go of the oldest ones. */
const keepVersion = async (trx: Transaction<Database>, task: Task): Promise<void> => {
  const content = toJson(contentOf(task), "The task");
  const row = { task_id: task.id, version: task.version, saved_at: task.updatedAt, content_length: content.length, content };
  await trx.insertInto("task_versions").values(row).execute();
  const kept = await trx
    .selectFrom("task_versions")
    .select(["version", "content_length"])
    .where("task_id", "=", task.id)
    .orderBy("version", "desc")
    .execute();
  let length = 0;
  const tooMany = kept.find((each, index) => {
    length += each.content_length;
    return index > 0 && (index >= TASK_VERSIONS_MAX || length > VERSIONS_MAX_CHARACTERS);
  });
  if (tooMany === undefined) return;
  await trx.deleteFrom("task_versions").where("task_id", "=", task.id).where("version", "<=", tooMany.version).execute();
};

const refuseVersion = ({ version }: Task, expected: number): CcrError =>
  new CcrError(
    "conflict",
    `The task was saved by somebody else meanwhile: it is at version ${version}, and this change began from version ${expected}. Nothing was saved; look at their version, and save again.`,
  );

/** The row of a task that was never changed. */
export const newTaskRow = (input: CreateTaskInput, { id, at }: { id: TaskId; at: string }): Selectable<TaskTable> => {
  const { parameters = [], delivery = null, environmentId = null, defaults = NO_DEFAULTS } = input;
  return {
    id,
    created_at: at,
    updated_at: at,
    version: 1,
    is_quick: 0,
    quick_key: null,
    ...contentColumns({ ...input, parameters, delivery, environmentId, defaults }),
  };
};

export const createTaskStore = (parts: { db: Kysely<Database>; commits: GroupCommit; ids: Ids; now: Clock }): TaskStore => {
  const { db, commits, ids, now } = parts;

  const find = async (id: TaskId): Promise<Task | null> => {
    const row = await db.selectFrom("tasks").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : toTask(row);
  };

  const listed = () =>
    db.selectFrom("tasks").selectAll().where("is_quick", "=", 0).orderBy("created_at", "desc").orderBy("id", "desc").execute();

  return {
    create: async (input) => {
      const row = newTaskRow(input, { id: ids.task(), at: now().toISOString() });
      return toTask(await db.insertInto("tasks").values(row).returningAll().executeTakeFirstOrThrow());
    },

    find,

    list: async () => {
      const rows = await listed();
      return rows.map(toTask);
    },

    update: ({ id, expectedVersion, ...change }) =>
      commits.run(JSON.stringify(change).length, async (trx) => {
        // A write first: what is read after it is not changed by others before the end.
        const row = await trx
          .updateTable("tasks")
          .set((eb) => ({ name: eb.ref("name") }))
          .where("id", "=", id)
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return null;
        const before = toTask(row);
        if (expectedVersion !== undefined && expectedVersion !== before.version) throw refuseVersion(before, expectedVersion);
        const after: TaskContent = {
          name: change.name ?? before.name,
          steps: change.steps ?? before.steps,
          allowNoChanges: change.allowNoChanges ?? before.allowNoChanges,
          delivery: change.delivery === undefined ? before.delivery : change.delivery,
          environmentId: change.environmentId === undefined ? before.environmentId : change.environmentId,
          parameters: change.parameters ?? before.parameters,
          defaults: change.defaults ?? before.defaults,
        };
        const isChanged = changedFields(before, after).length > 0;
        // One that was made for a run is saved by this, and then among the tasks.
        if (!isChanged && before.isQuick !== true) return before;
        if (isChanged) await keepVersion(trx, before);
        const version = before.version + (isChanged ? 1 : 0);
        const next = { ...contentColumns(after), is_quick: 0, updated_at: now().toISOString(), version };
        return toTask(await trx.updateTable("tasks").set(next).where("id", "=", id).returningAll().executeTakeFirstOrThrow());
      }),

    delete: (id) =>
      commits.run(0, async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom("tasks").where("id", "=", id).executeTakeFirstOrThrow();
        await trx.deleteFrom("task_versions").where("task_id", "=", id).execute();
        return numDeletedRows > 0n;
      }),

    overview: async () => {
      const [tasks, runs] = await Promise.all([
        listed(),
        db
          .selectFrom("tasks as task")
          // Not an inner one: the tasks are gone through, and not all runs.
          .leftJoin("runs as run", (join) =>
            join.onRef("run.task_id", "=", "task.id").on((eb) =>
              eb(
                "run.created_at",
                ">=",
                // The moment of the tenth run from the end: those before it are not read.
                eb.fn.coalesce(
                  eb
                    .selectFrom("runs as last")
                    .select("last.created_at")
                    .whereRef("last.task_id", "=", "task.id")
                    .orderBy("last.created_at", "desc")
                    .limit(1)
                    .offset(OVERVIEW_RUNS - 1),
                  eb.val(""),
                ),
              ),
            ),
          )
          .where("task.is_quick", "=", 0)
          .select(["run.id", "run.task_id", "run.status", "run.reason", "run.created_at", "run.is_delivered", "run.cost_usd"])
          .execute(),
      ]);
      const byTask = new Map<TaskId, LastRun[]>();
      for (const { id, task_id, status, reason, created_at: createdAt, is_delivered, cost_usd: costUsd } of runs) {
        // There is none.
        if (id === null || task_id === null || status === null || createdAt === null) continue;
        const run = { id, status, reason, createdAt, isDelivered: is_delivered === 1, costUsd: costUsd ?? 0 };
        const others = byTask.get(task_id);
        if (others === undefined) byTask.set(task_id, [run]);
        else others.push(run);
      }
      const newestFirst = (one: LastRun, other: LastRun) =>
        one.createdAt === other.createdAt ? (one.id < other.id ? 1 : -1) : one.createdAt < other.createdAt ? 1 : -1;
      return tasks.map((row) => ({
        task: toTask(row),
        lastRuns: (byTask.get(row.id) ?? []).toSorted(newestFirst).slice(0, OVERVIEW_RUNS),
      }));
    },

    listVersions: async (id) => {
      const task = await find(id);
      if (task === null) return null;
      const rows = await db
        .selectFrom("task_versions")
        .selectAll()
        .where("task_id", "=", id)
        .orderBy("version", "desc")
        .execute();
      // What was kept after the task was read is newer than that.
      const before = rows.filter(({ version }) => version < task.version);
      return [
        { version: task.version, savedAt: task.updatedAt, content: contentOf(task) },
        ...before.map((row) => ({ version: row.version, savedAt: row.saved_at, content: toTaskContent(row.content) })),
      ];
    },

    findVersion: async (id, version) => {
      const row = await db
        .selectFrom("task_versions")
        .selectAll()
        .where("task_id", "=", id)
        .where("version", "=", version)
        .executeTakeFirst();
      if (row !== undefined) return { version, savedAt: row.saved_at, content: toTaskContent(row.content) };
      const task = await find(id);
      return task?.version === version ? { version, savedAt: task.updatedAt, content: contentOf(task) } : null;
    },
  };
};
