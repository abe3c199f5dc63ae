import { CcrError, CreateTaskInput, type EnvironmentId, TaskId, UpdateTaskInput } from "@ccr/protocol";
import { z } from "zod";
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

export const tasksRouter = router({
  byId: procedure.input(z.object({ id: TaskId })).query(async ({ ctx, input }) => {
    const task = await ctx.tasks.find(input.id);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  list: procedure.query(({ ctx }) => ctx.tasks.list()),
  create: procedure.input(CreateTaskInput).mutation(async ({ ctx, input }) => {
    await known(ctx, input);
    return ctx.tasks.create(input);
  }),
  update: procedure.input(UpdateTaskInput).mutation(async ({ ctx, input }) => {
    await known(ctx, input);
    const task = await ctx.tasks.update(input);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  delete: procedure.input(z.object({ id: TaskId })).mutation(async ({ ctx, input }) => {
    if (!(await ctx.tasks.delete(input.id))) throw noSuchTask(input.id);
    return { id: input.id };
  }),
});
