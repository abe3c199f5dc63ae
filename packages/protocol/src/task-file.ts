import { z } from "zod";
import { TaskId } from "./ids.ts";
import { checkPlaces, NewTask } from "./task.ts";

/* Tasks as a file, to be kept elsewhere or brought to another server. It holds no id and no secret: an environment is named, and not told. */

export const TASK_FILE_FORMAT = "claude-code-runner/tasks";
export const TASK_FILE_VERSION = 1;
const TASK_FILE_TASKS_MAX = 1000;

/** A task in a file. What is left out is as in a new task. */
export const FiledTask = NewTask.omit({ environmentId: true })
  .extend({
    /** The name of its environment on the server that it is from; null: none. */
    environment: z.string().max(200).nullable().optional(),
  })
  .strict()
  .superRefine(checkPlaces);
export type FiledTask = z.infer<typeof FiledTask>;

export const TaskFile = z.strictObject({
  format: z.literal(TASK_FILE_FORMAT, `is not a file of tasks: its format must be "${TASK_FILE_FORMAT}"`),
  version: z.literal(
    TASK_FILE_VERSION,
    `must be ${TASK_FILE_VERSION}: another one was written by another version of this program`,
  ),
  tasks: z
    .array(FiledTask)
    .min(1, "the file holds no task")
    .max(TASK_FILE_TASKS_MAX, `a file holds at most ${TASK_FILE_TASKS_MAX.toLocaleString("en")} tasks`),
});
export type TaskFile = z.infer<typeof TaskFile>;

/** All tasks when `ids` is left out. */
export const ExportTasksInput = z.object({
  ids: z.array(TaskId).min(1, "name at least one task").max(TASK_FILE_TASKS_MAX).optional(),
});
export type ExportTasksInput = z.infer<typeof ExportTasksInput>;

/** What becomes of a task whose name is there already: another one beside it, a new version of it, or nothing. */
export const IMPORT_CHOICES = ["copy", "replace", "skip"] as const;
export const ImportChoice = z.enum(IMPORT_CHOICES);
export type ImportChoice = z.infer<typeof ImportChoice>;

export const ImportTasksInput = z.strictObject({
  file: TaskFile,
  existing: ImportChoice.default("copy"),
  /** The same for some of them, by their names. */
  choices: z.record(z.string(), ImportChoice).default({}),
});
export type ImportTasksInput = z.infer<typeof ImportTasksInput>;

/** What became of a task of the file. `note` says what could not be taken over; null: all of it was. */
export type ImportedTask = { id: TaskId | null; name: string; result: "created" | "replaced" | "skipped"; note: string | null };

/** A name that none of these has: the same, or that with a number. Pure. */
export const freeName = (name: string, taken: ReadonlySet<string>): string => {
  const plain = name.replace(/ \(copy(?: \d+)?\)$/, "");
  for (let number = 0; ; number += 1) {
    const end = number === 0 ? "" : number === 1 ? " (copy)" : ` (copy ${number})`;
    // A name has 200 characters at most.
    const candidate = number === 0 ? name : `${plain.slice(0, 200 - end.length)}${end}`;
    if (!taken.has(candidate)) return candidate;
  }
};
