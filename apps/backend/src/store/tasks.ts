import type { CreateTaskInput, DeliverySettings, TaskId } from "@ccr/protocol";
import type { Kysely, Selectable } from "kysely";
import type { Ids } from "./ids.ts";
import { toJson } from "./json.ts";
import { toTask } from "./rows.ts";
import type { Database, TaskTable } from "./schema.ts";
import type { TaskStore } from "./types.ts";

export type Clock = () => Date;

const deliveryColumn = (delivery: DeliverySettings | null | undefined): string | null =>
  delivery === undefined || delivery === null ? null : toJson(delivery, "The delivery");

/** The row of a task that was never changed. */
export const newTaskRow = (input: CreateTaskInput, { id, at }: { id: TaskId; at: string }): Selectable<TaskTable> => ({
  id,
  name: input.name,
  steps: toJson(input.steps, "The task"),
  created_at: at,
  updated_at: at,
  allow_no_changes: input.allowNoChanges ? 1 : 0,
  delivery: deliveryColumn(input.delivery),
  environment_id: input.environmentId ?? null,
  is_quick: 0,
  quick_key: null,
});

export const createTaskStore = ({ db, ids, now }: { db: Kysely<Database>; ids: Ids; now: Clock }): TaskStore => ({
  create: async (input) => {
    const row = newTaskRow(input, { id: ids.task(), at: now().toISOString() });
    return toTask(await db.insertInto("tasks").values(row).returningAll().executeTakeFirstOrThrow());
  },

  find: async (id) => {
    const row = await db.selectFrom("tasks").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : toTask(row);
  },

  list: async () => {
    const rows = await db
      .selectFrom("tasks")
      .selectAll()
      .where("is_quick", "=", 0)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .execute();
    return rows.map(toTask);
  },

  update: async (input) => {
    const row = await db
      .updateTable("tasks")
      .set({
        updated_at: now().toISOString(),
        is_quick: 0,
        ...(input.name !== undefined && { name: input.name }),
        ...(input.steps !== undefined && { steps: toJson(input.steps, "The task") }),
        ...(input.allowNoChanges !== undefined && { allow_no_changes: input.allowNoChanges ? 1 : 0 }),
        ...(input.delivery !== undefined && { delivery: deliveryColumn(input.delivery) }),
        ...(input.environmentId !== undefined && { environment_id: input.environmentId }),
      })
      .where("id", "=", input.id)
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? null : toTask(row);
  },

  delete: async (id) => {
    const { numDeletedRows } = await db.deleteFrom("tasks").where("id", "=", id).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  },
});
