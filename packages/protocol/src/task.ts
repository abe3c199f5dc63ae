import { z } from "zod";
import { DeliverySettings } from "./delivery.ts";
import { EnvironmentId, TaskId, Timestamp } from "./ids.ts";

/** The longest instructions or checks of one step, in UTF-16 code units. A prompt beyond this does not fit any model's context; material of that size belongs into the repository. */
export const STEP_TEXT_MAX = 256 * 1024;
export const STEPS_MAX = 100;
export const TASK_NAME_MAX = 200;

const stepText = (what: string) =>
  z.string().max(STEP_TEXT_MAX, {
    error: (issue) =>
      `${what} are ${typeof issue.input === "string" ? issue.input.length.toLocaleString("en") : "too many"} characters long; at most ${STEP_TEXT_MAX.toLocaleString("en")} fit. Put long material into a file of the repository and name it here.`,
  });

/** The longest command of a check, in bytes: the kernel takes 128 KiB as one argument, and some of it is needed around the command. */
export const CHECK_COMMAND_MAX_BYTES = 64 * 1024;

/** The lines of `checks`, told apart: commands in order, and the prose around them (empty when there is none). */
export const parseChecks = (checks: string): { commands: string[]; prose: string } => {
  const commands: string[] = [];
  const prose: string[] = [];
  for (const line of checks.split(/\r?\n/)) {
    const command = /^\$ (.*)$/.exec(line)?.[1]?.trim();
    if (command !== undefined && command !== "") commands.push(command);
    else prose.push(line);
  }
  return { commands, prose: prose.join("\n").trim() };
};

/** What Claude Code is to do, and how we know that it did. */
export const Step = z.object({
  instructions: stepText("the instructions").refine(
    (text) => text.trim() !== "",
    "the instructions are empty: say what Claude Code is to do",
  ),
  /** A line that starts with `$ ` is a command whose exit code decides; any other text is prose for a judge. Empty: the agent's turn ending without error is enough. */
  checks: stepText("the checks")
    .default("")
    .refine(
      (checks) =>
        parseChecks(checks).commands.every((command) => new TextEncoder().encode(command).length <= CHECK_COMMAND_MAX_BYTES),
      {
        error: `a command of the checks is longer than ${CHECK_COMMAND_MAX_BYTES / 1024} KiB; put it into a script of the repository and name that`,
      },
    ),
});
export type Step = z.infer<typeof Step>;

const TaskName = z
  .string()
  .trim()
  .min(1, "the name is empty: give the task a name")
  .max(TASK_NAME_MAX, `the name is longer than ${TASK_NAME_MAX} characters`);
const Steps = z.array(Step).min(1, "a task needs at least one step").max(STEPS_MAX, `a task has at most ${STEPS_MAX} steps`);

/** Whether a run that changes no file of the repository may pass: for tasks that ask a question. */
const AllowNoChanges = z.boolean();

/** Where the results of its runs go; null: nowhere, they are kept on the server. */
const Delivery = DeliverySettings.nullable();
/** The environment of its runs; null: that of the repository, if it has one. */
const TaskEnvironment = EnvironmentId.nullable();

export const CreateTaskInput = z.object({
  name: TaskName,
  steps: Steps,
  allowNoChanges: AllowNoChanges.default(false),
  delivery: Delivery.optional(),
  environmentId: TaskEnvironment.optional(),
});
export type CreateTaskInput = z.infer<typeof CreateTaskInput>;

/** A field that is left out stays as it is. */
export const UpdateTaskInput = z.object({
  id: TaskId,
  name: TaskName.optional(),
  steps: Steps.optional(),
  allowNoChanges: AllowNoChanges.optional(),
  delivery: Delivery.optional(),
  environmentId: TaskEnvironment.optional(),
});
export type UpdateTaskInput = z.infer<typeof UpdateTaskInput>;

export const Task = z.object({
  id: TaskId,
  name: z.string(),
  steps: z.array(Step),
  allowNoChanges: z.boolean(),
  delivery: Delivery,
  environmentId: EnvironmentId.nullable(),
  /** It was made for one run by `runs.start`, and is not among the tasks until it is saved, which every `tasks.update` does. */
  isQuick: z.literal(true).optional(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Task = z.infer<typeof Task>;
