import {
  type BatchVariant,
  CcrError,
  type CreateBatchInput,
  limitsFrom,
  type ParameterInputs,
  parseRepository,
  RunLimits,
  repositoryKey,
  type Task,
  type TaskId,
} from "@ccr/protocol";
import { refOf, stepsOfRun } from "../runs/from-task.ts";
import { repositoriesOf } from "../runs/repositories.ts";
import type { NewBatch, NewMember } from "../store/batch-types.ts";

// Each run holds a copy of its steps. More than this is a mistake, and would be written in one commit.
const STEPS_MAX_CHARACTERS = 64 * 1024 * 1024;
const ADDRESS_MAX_CHARACTERS = 2048;
const SHOWN_CHARACTERS = 80;

type Listed = ReturnType<typeof repositoriesOf>["named"];

/**
 * The repositories as they are stored, each with those that are to be beside it. Throws one error that names all that cannot be used, and those that are
 * there twice.
 */
const readRepositories = ({ repositories: given, additionalRepositories }: CreateBatchInput): Listed[] => {
  const problems: string[] = [];
  const seen = new Map<string, number>();
  const listed = given.flatMap(({ repository, ref = null }, index): Listed[] => {
    const shown = `${index + 1}. '${repository.slice(0, SHOWN_CHARACTERS)}${repository.length > SHOWN_CHARACTERS ? "…" : ""}'`;
    const parsed = parseRepository(repository.slice(0, ADDRESS_MAX_CHARACTERS + 1));
    const tooLong = repository.length > ADDRESS_MAX_CHARACTERS;
    if (tooLong || !parsed.ok) {
      const problem = parsed.ok || tooLong ? "the repository is longer than 2,048 characters" : parsed.message;
      problems.push(`${shown}: ${problem}`);
      return [];
    }
    const key = JSON.stringify([repositoryKey(parsed.address), ref]);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index + 1);
      try {
        return [repositoriesOf({ repository, ref: ref ?? undefined, additionalRepositories }).named];
      } catch (error) {
        if (!(error instanceof CcrError)) throw error;
        problems.push(`${shown}: ${error.message.replace(/\.$/, "")}`);
        return [];
      }
    }
    problems.push(`${shown}: it is the same as number ${first}; for several runs of one repository give attempts`);
    return [];
  });
  if (problems.length === 0) return listed;
  const which =
    given.length === 1
      ? "it cannot be used"
      : `${problems.length} of the ${given.length} cannot be used, and nothing was launched`;
  throw new CcrError("bad_request", `repositories: ${which}. ${problems.join("; ")}.`);
};

type Variant = BatchVariant & { task: Task; filled: ReturnType<typeof stepsOfRun> };

/** The values for one task of the batch, which has those of the others too. */
const parametersFor = ({ parameters: declared }: Task, given: ParameterInputs): ParameterInputs =>
  Object.fromEntries(Object.entries(given).filter(([name]) => declared.some((parameter) => parameter.name === name)));

/** Throws when a value is for no task of the batch. */
const refuseUnknown = (given: ParameterInputs, tasks: readonly Task[]): void => {
  const known = new Set(tasks.flatMap(({ parameters }) => parameters.map(({ name }) => name)));
  const unknown = Object.keys(given).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const listed = known.size === 0 ? "there are none" : `there are ${[...known].join(", ")}`;
  const problems = unknown.map((name) => `parameters.${name}: no task of this batch has a parameter of this name; ${listed}`);
  throw new CcrError("bad_request", `${problems.join("; ")}.`);
};

const readVariants = (input: CreateBatchInput, tasks: ReadonlyMap<TaskId, Task>): Variant[] => {
  const taskOf = (id: TaskId): Task => {
    const task = tasks.get(id);
    if (task === undefined) throw new CcrError("not_found", `There is no task ${id}; tasks.list shows those there are.`);
    return task;
  };
  const used = new Map<string, number>();
  const seen = new Map<string, number>();
  return input.variants.map(({ model = null, taskId = input.taskId, label }, index) => {
    const task = taskOf(taskId);
    const before = seen.get(JSON.stringify([taskId, model]));
    if (before !== undefined)
      throw new CcrError(
        "bad_request",
        `variants: number ${index + 1} has the same task and model as number ${before + 1}; for several runs of one variant give attempts.`,
      );
    seen.set(JSON.stringify([taskId, model]), index);
    const parts = [taskId === input.taskId ? null : task.name, model].filter((part) => part !== null);
    const plain = label ?? (parts.length > 0 ? parts.join(" · ") : input.variants.length > 1 ? "default" : "");
    const times = (used.get(plain) ?? 0) + 1;
    used.set(plain, times);
    if (times > 1 && label !== undefined)
      throw new CcrError("bad_request", `variants: number ${index + 1} has a label that another one has: '${label}'.`);
    const filled = stepsOfRun(task, parametersFor(task, input.parameters ?? {}));
    return { label: times === 1 ? plain : `${plain} (${times})`, taskId, taskName: task.name, model, task, filled };
  });
};

const sorted = (given: object): [string, unknown][] => Object.entries(given).toSorted(([one], [other]) => (one < other ? -1 : 1));

/** The tasks that a batch needs. Pure. */
export const tasksOf = ({ taskId, variants }: CreateBatchInput): TaskId[] => [
  ...new Set([taskId, ...variants.flatMap((variant) => variant.taskId ?? [])]),
];

/** All that is stored of a batch and its runs. Throws `CcrError` with `not_found` or `bad_request`, in words for people. Pure. */
export const planBatch = (input: CreateBatchInput, tasks: ReadonlyMap<TaskId, Task>): NewBatch => {
  refuseUnknown(input.parameters ?? {}, [...tasks.values()]);
  const variants = readVariants(input, tasks);
  const task = tasks.get(input.taskId);
  if (task === undefined) throw new CcrError("not_found", `There is no task ${input.taskId}; tasks.list shows those there are.`);
  const repositories = readRepositories(input);
  const competing = variants.length * input.attempts > 1;
  const members = repositories.flatMap((listed, index) =>
    variants.flatMap((variant) =>
      Array.from({ length: input.attempts }, (_, attempt): NewMember => {
        const { task: its, filled, model } = variant;
        const wanted = input.delivery === undefined ? its.delivery : input.delivery;
        // Of several that compete one is delivered: that which is chosen.
        const delivery = wanted !== null && competing ? { ...wanted, when: "chosen" as const } : wanted;
        const run = {
          ...listed,
          ...filled,
          ref: refOf(its, { repository: listed.repository, ref: listed.ref ?? undefined }) ?? null,
          model: model ?? its.defaults.model,
          limits: limitsFrom(its.defaults.limits, input.limits),
          priority: input.priority ?? 0,
          delivery,
          ...(input.allowedHosts === undefined ? {} : { allowedHosts: input.allowedHosts }),
          continues: null,
        };
        return { run, group: index + 1, variant: variant.label, attempt: attempt + 1 };
      }),
    ),
  );
  const perGroup = variants.reduce((sum, variant) => sum + JSON.stringify(variant.filled.task.steps).length * input.attempts, 0);
  if (perGroup * repositories.length > STEPS_MAX_CHARACTERS)
    throw new CcrError(
      "payload_too_large",
      "Each run keeps a copy of the steps, and these are too long for so many runs. Put long material into files of the repositories, or launch fewer at once.",
    );
  return {
    name: input.name ?? task.name,
    task,
    variants: variants.map(({ task: _, filled: __, ...variant }) => variant),
    groups: repositories.length,
    members,
    attempts: input.attempts,
    maxConcurrent: input.maxConcurrent ?? null,
    idempotencyKey: input.idempotencyKey ?? null,
    request: {
      name: input.name ?? null,
      repositories: repositories.map(({ repository, ref }) => [repository, ref]),
      additionalRepositories: (input.additionalRepositories ?? []).length === 0 ? null : input.additionalRepositories,
      attempts: input.attempts,
      variants: input.variants.map(sorted),
      limits: sorted(RunLimits.parse(input.limits ?? {})),
      parameters: Object.keys(input.parameters ?? {}).length === 0 ? null : sorted(input.parameters ?? {}),
      priority: input.priority ?? 0,
      delivery: input.delivery === undefined ? "task" : input.delivery,
      environmentId: input.environmentId === undefined ? "task" : input.environmentId,
      network: input.network ?? null,
      allowedHosts: input.allowedHosts ?? null,
      maxConcurrent: input.maxConcurrent ?? null,
    },
  };
};
