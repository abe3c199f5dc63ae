import {
  CcrError,
  type CreateTaskInput,
  type Environment,
  type ExportTasksInput,
  type FiledTask,
  freeName,
  type ImportedTask,
  type ImportTasksInput,
  NO_DEFAULTS,
  TASK_FILE_FORMAT,
  TASK_FILE_VERSION,
  type Task,
  type TaskFile,
  type TaskId,
} from "@ccr/protocol";
import type { TaskStore } from "../store/types.ts";

type NamedEnvironment = Pick<Environment, "id" | "name">;

const fileTask = (task: Task, environments: readonly NamedEnvironment[]): FiledTask => ({
  name: task.name,
  steps: task.steps,
  allowNoChanges: task.allowNoChanges,
  parameters: task.parameters,
  defaults: task.defaults,
  delivery: task.delivery,
  environment: environments.find(({ id }) => id === task.environmentId)?.name ?? null,
});

/** Tasks as a file, of which all come the oldest first, so that they are taken in in the order in which they were made. Throws `CcrError` with `not_found` for one that is not there. Pure. */
export const toFile = (all: readonly Task[], { ids }: ExportTasksInput, environments: readonly NamedEnvironment[]): TaskFile => {
  const chosen = (ids ?? all.map(({ id }) => id).toReversed()).map((id) => {
    const task = all.find((each) => each.id === id);
    if (task === undefined) throw new CcrError("not_found", `There is no task ${id}; tasks.list shows those there are.`);
    return fileTask(task, environments);
  });
  return { format: TASK_FILE_FORMAT, version: TASK_FILE_VERSION, tasks: chosen };
};

type Plan = { note: string | null; input: CreateTaskInput } & (
  | { result: "created" }
  | { result: "replaced"; id: TaskId }
  | { result: "skipped"; id: TaskId | null }
);

/** What is to be done with each task of a file. Throws one `CcrError` that names all that cannot be done. Pure. */
export const planImport = (
  { file, existing, choices }: ImportTasksInput,
  all: readonly Pick<Task, "id" | "name">[],
  environments: readonly NamedEnvironment[],
): Plan[] => {
  const taken = new Set(all.map(({ name }) => name));
  const replaced = new Set<string>();
  const problems: string[] = [];
  const plans = file.tasks.map(({ environment = null, ...task }, index): Plan => {
    const found = environments.filter(({ name }) => name === environment);
    const environmentId = found.length === 1 ? (found[0]?.id ?? null) : null;
    const note =
      environment === null || environmentId !== null
        ? null
        : `Its environment '${environment}' is ${found.length === 0 ? "not" : "more than once"} on this server, so it has none now.`;
    const input: CreateTaskInput = { ...task, environmentId };
    const same = all.filter(({ name }) => name === task.name);
    const choice =
      same.length === 0 ? "copy" : ((Object.hasOwn(choices, task.name) ? choices[task.name] : undefined) ?? existing);
    if (choice === "skip") return { result: "skipped", id: same[0]?.id ?? null, note: null, input };
    const [one] = same;
    if (choice === "replace" && one !== undefined) {
      if (same.length > 1 || replaced.has(task.name))
        problems.push(
          `file.tasks[${index}].name: ${same.length > 1 ? `${same.length} tasks are` : "another task of the file is"} called '${task.name}': which one is replaced cannot be told; take it as a copy`,
        );
      replaced.add(task.name);
      return { result: "replaced", id: one.id, note, input };
    }
    const name = freeName(task.name, taken);
    taken.add(name);
    return { result: "created", note, input: { ...input, name } };
  });
  if (problems.length > 0) throw new CcrError("bad_request", `${problems.join("; ")}. Nothing was imported.`);
  return plans;
};

/** Makes the tasks of a file, in their order. */
export const importTasks = async (
  tasks: Pick<TaskStore, "create" | "update">,
  plans: readonly Plan[],
): Promise<ImportedTask[]> => {
  const imported: ImportedTask[] = [];
  for (const plan of plans) {
    const { input, note, result } = plan;
    const { name } = input;
    if (result === "skipped") {
      imported.push({ id: plan.id, name, result, note });
      continue;
    }
    // All of it is replaced, also what the file leaves out. One that was deleted meanwhile is there again.
    const whole = {
      ...input,
      delivery: input.delivery ?? null,
      parameters: input.parameters ?? [],
      defaults: input.defaults ?? NO_DEFAULTS,
    };
    const replaced = result === "replaced" ? await tasks.update({ id: plan.id, ...whole }) : null;
    const made = replaced ?? (await tasks.create(whole));
    imported.push({ id: made.id, name: made.name, result: replaced === null ? "created" : "replaced", note });
  }
  return imported;
};
