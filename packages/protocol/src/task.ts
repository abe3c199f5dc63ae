import { z } from "zod";
import { RefText, RepositoryText } from "./checkout.ts";
import { DeliverySettings } from "./delivery.ts";
import { NetworkPreset } from "./environment.ts";
import { EnvironmentId, RunId, TaskId, Timestamp } from "./ids.ts";
import { RunOutcomeName, RunStatus } from "./outcome.ts";
import { placeProblems } from "./places.ts";
import { parseRepository } from "./repository.ts";
import { GivenLimits, ModelName } from "./run-limits.ts";
import { Step } from "./step.ts";
import { TaskParameter, TaskParameters } from "./task-parameters.ts";

export const STEPS_MAX = 100;
export const TASK_NAME_MAX = 200;
/** So many earlier versions of a task are kept, the newest. */
export const TASK_VERSIONS_MAX = 100;

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

/** An address is kept as it is shown, and so without a credential. */
const DefaultRepository = RepositoryText.transform((text, ctx) => {
  const parsed = parseRepository(text);
  if (parsed.ok) return parsed.address.display;
  ctx.addIssue({ code: "custom", message: parsed.message });
  return z.NEVER;
});

/** What a launch has when it does not say otherwise; null: nothing in particular. */
export const TaskDefaults = z.strictObject({
  repository: DefaultRepository.nullable().default(null),
  /** Of that repository; of every one, when there is none. */
  ref: RefText.nullable().default(null),
  model: ModelName.nullable().default(null),
  limits: GivenLimits.default({}),
  /** null: as the environment says. */
  network: NetworkPreset.nullable().default(null),
});
export type TaskDefaults = z.infer<typeof TaskDefaults>;

export const NO_DEFAULTS: TaskDefaults = { repository: null, ref: null, model: null, limits: {}, network: null };

/** Says where a place of a parameter cannot be, when both are given. */
export const checkPlaces = (
  { steps, parameters = [] }: { steps?: Step[] | undefined; parameters?: TaskParameter[] | undefined },
  ctx: z.core.$RefinementCtx,
): void => {
  for (const { path, message } of placeProblems(steps ?? [], parameters))
    ctx.addIssue({ code: "custom", path: ["steps", ...path], message });
};

/** A new task, before the places of its parameters were looked at. */
export const NewTask = z.object({
  name: TaskName,
  steps: Steps,
  allowNoChanges: AllowNoChanges.default(false),
  delivery: Delivery.optional(),
  environmentId: TaskEnvironment.optional(),
  /** What a launch is asked for; see `places.ts`. */
  parameters: TaskParameters.optional(),
  defaults: TaskDefaults.optional(),
});

export const CreateTaskInput = NewTask.superRefine(checkPlaces);
export type CreateTaskInput = z.infer<typeof CreateTaskInput>;

/** A field that is left out stays as it is. */
export const UpdateTaskInput = z
  .object({
    id: TaskId,
    name: TaskName.optional(),
    steps: Steps.optional(),
    allowNoChanges: AllowNoChanges.optional(),
    delivery: Delivery.optional(),
    environmentId: TaskEnvironment.optional(),
    parameters: TaskParameters.optional(),
    defaults: TaskDefaults.optional(),
    /** The version from which the change began: when another one was saved since, nothing is, and the answer is a `conflict`. */
    expectedVersion: z.number().int().min(1).optional(),
  })
  .superRefine(checkPlaces);
export type UpdateTaskInput = z.infer<typeof UpdateTaskInput>;

/** What a person wrote of a task: what each of its versions holds. */
export const TaskContent = z.object({
  name: z.string(),
  steps: z.array(Step),
  allowNoChanges: z.boolean(),
  delivery: Delivery,
  environmentId: EnvironmentId.nullable(),
  parameters: z.array(TaskParameter),
  defaults: TaskDefaults,
});
export type TaskContent = z.infer<typeof TaskContent>;

export const Task = TaskContent.extend({
  id: TaskId,
  /** Raised by each save. */
  version: z.number().int().min(1),
  /** It was made for one run by `runs.start`, and is not among the tasks until it is saved, which every `tasks.update` does. */
  isQuick: z.literal(true).optional(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Task = z.infer<typeof Task>;

/** What a person wrote of a task, alone. Pure. */
export const contentOf = (task: TaskContent): TaskContent => {
  const { name, steps, allowNoChanges, delivery, environmentId, parameters, defaults } = task;
  return { name, steps, allowNoChanges, delivery, environmentId, parameters, defaults };
};

export const TASK_FIELDS = ["name", "steps", "allowNoChanges", "delivery", "environmentId", "parameters", "defaults"] as const;
export type TaskField = (typeof TASK_FIELDS)[number];

/** The fields in which two versions differ. Pure. */
export const changedFields = (one: TaskContent, other: TaskContent): TaskField[] =>
  TASK_FIELDS.filter((field) => JSON.stringify(one[field]) !== JSON.stringify(other[field]));

/** An entry of a task's history, the newest first. */
export const TaskVersionEntry = z.object({
  version: z.number().int(),
  savedAt: Timestamp,
  /** In what it differs from the one before; null: that one is not kept, or there is none. */
  changed: z.array(z.enum(TASK_FIELDS)).nullable(),
});
export type TaskVersionEntry = z.infer<typeof TaskVersionEntry>;

/** A version of a task, as it was saved. */
export const TaskVersion = z.object({ version: z.number().int(), savedAt: Timestamp, content: TaskContent });
export type TaskVersion = z.infer<typeof TaskVersion>;

export const TaskVersionInput = z.object({ id: TaskId, version: z.number().int().min(1) });
export type TaskVersionInput = z.infer<typeof TaskVersionInput>;

export const RestoreTaskInput = TaskVersionInput.extend({ expectedVersion: z.number().int().min(1).optional() });
export type RestoreTaskInput = z.infer<typeof RestoreTaskInput>;

/** So many of the last runs of a task are told with it in the overview. */
export const OVERVIEW_RUNS = 10;

/** A task in the list of all, without its text. */
export const TaskOverview = z.object({
  id: TaskId,
  name: z.string(),
  version: z.number().int(),
  steps: z.number().int(),
  stepsWithChecks: z.number().int(),
  parameters: z.number().int(),
  allowNoChanges: z.boolean(),
  /** null: a launch has to name one. */
  repository: z.string().nullable(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  /** Its last runs, the newest first. */
  lastRuns: z.array(
    z.object({ id: RunId, status: RunStatus, outcome: RunOutcomeName.nullable(), costUsd: z.number(), createdAt: Timestamp }),
  ),
  /** What those of them cost that have ended and cost something; null: none has. */
  costUsd: z.object({ last: z.number(), median: z.number() }).nullable(),
});
export type TaskOverview = z.infer<typeof TaskOverview>;
