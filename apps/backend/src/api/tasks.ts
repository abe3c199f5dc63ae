import {
  CcrError,
  CreateTaskInput,
  changedFields,
  type EnvironmentId,
  ExportTasksInput,
  ImportTasksInput,
  placeProblems,
  RestoreTaskInput,
  TaskId,
  type TaskVersionEntry,
  TaskVersionInput,
  UpdateTaskInput,
} from "@ccr/protocol";
import { z } from "zod";
import { importTasks, planImport, toFile } from "../tasks/file.ts";
import { toOverview } from "../tasks/overview.ts";
import { type Context, procedure, router } from "./trpc.ts";

const noSuchTask = (id: TaskId): CcrError =>
  new CcrError("not_found", `There is no task ${id}; tasks.list shows those there are.`);

/** Throws when a task is to have an environment that is not there. */
const known = async (
  { environments }: Pick<Context, "environments">,
  { environmentId }: { environmentId?: EnvironmentId | null | undefined },
): Promise<void> => {
  if (environmentId != null) await environments.get(environmentId);
};

/** Throws when places of parameters cannot be where they are once this is changed; what changes both is looked at where it is read. */
const fitting = async ({ tasks }: Pick<Context, "tasks">, { id, steps, parameters }: UpdateTaskInput): Promise<void> => {
  if ((steps === undefined) === (parameters === undefined)) return;
  const task = await tasks.find(id);
  if (task === null) return;
  const [problem] = placeProblems(steps ?? task.steps, parameters ?? task.parameters);
  if (problem !== undefined)
    throw new CcrError("bad_request", `steps[${problem.path[0]}].${problem.path[1]}: ${problem.message}`);
};

const versionOf = async ({ tasks }: Pick<Context, "tasks">, { id, version }: TaskVersionInput) => {
  const found = await tasks.findVersion(id, version);
  if (found === null)
    throw new CcrError(
      "not_found",
      `Version ${version} of the task ${id} is not there, or not kept any more; tasks.history shows those there are.`,
    );
  return found;
};

export const tasksRouter = router({
  byId: procedure.input(z.object({ id: TaskId })).query(async ({ ctx, input }) => {
    const task = await ctx.tasks.find(input.id);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  list: procedure.query(({ ctx }) => ctx.tasks.list()),
  /** Every task without its text, with its last runs and what they cost. */
  overview: procedure.query(async ({ ctx }) =>
    (await ctx.tasks.overview()).map(({ task, lastRuns }) => toOverview(task, lastRuns)),
  ),
  create: procedure.input(CreateTaskInput).mutation(async ({ ctx, input }) => {
    await known(ctx, input);
    return ctx.tasks.create(input);
  }),
  update: procedure.input(UpdateTaskInput).mutation(async ({ ctx, input }) => {
    await known(ctx, input);
    await fitting(ctx, input);
    const task = await ctx.tasks.update(input);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  delete: procedure.input(z.object({ id: TaskId })).mutation(async ({ ctx, input }) => {
    if (!(await ctx.tasks.delete(input.id))) throw noSuchTask(input.id);
    return { id: input.id };
  }),
  /** The versions that are kept, the newest first, and what each changed. */
  history: procedure.input(z.object({ id: TaskId })).query(async ({ ctx, input }): Promise<TaskVersionEntry[]> => {
    const versions = await ctx.tasks.listVersions(input.id);
    if (versions === null) throw noSuchTask(input.id);
    return versions.map(({ version, savedAt, content }, index) => {
      const before = versions[index + 1];
      return { version, savedAt, changed: before === undefined ? null : changedFields(before.content, content) };
    });
  }),
  version: procedure.input(TaskVersionInput).query(({ ctx, input }) => versionOf(ctx, input)),
  /** Makes an earlier version the newest one again, as another version. An environment that is gone is left out. */
  restore: procedure.input(RestoreTaskInput).mutation(async ({ ctx, input }) => {
    const { id, expectedVersion } = input;
    const { content } = await versionOf(ctx, input);
    const isThere = (await ctx.environments.list()).some((environment) => environment.id === content.environmentId);
    const environmentId = isThere ? content.environmentId : null;
    const expected = expectedVersion === undefined ? {} : { expectedVersion };
    const task = await ctx.tasks.update({ ...content, id, environmentId, ...expected });
    if (task === null) throw noSuchTask(id);
    return task;
  }),
  export: procedure
    .input(ExportTasksInput.prefault({}))
    .query(async ({ ctx, input }) => toFile(await ctx.tasks.list(), input, await ctx.environments.list())),
  /** All of the file or, when something of it cannot be done, nothing. */
  import: procedure.input(ImportTasksInput).mutation(async ({ ctx, input }) => {
    const plans = planImport(input, await ctx.tasks.list(), await ctx.environments.list());
    return { tasks: await importTasks(ctx.tasks, plans) };
  }),
});
