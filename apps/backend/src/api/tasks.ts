import { CcrError, CreateTaskInput, TaskId, UpdateTaskInput } from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const noSuchTask = (id: TaskId): CcrError =>
  new CcrError("not_found", `There is no task ${id}; tasks.list shows those there are.`);

export const tasksRouter = router({
  byId: procedure.input(z.object({ id: TaskId })).query(async ({ ctx, input }) => {
    const task = await ctx.tasks.find(input.id);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  list: procedure.query(({ ctx }) => ctx.tasks.list()),
  create: procedure.input(CreateTaskInput).mutation(({ ctx, input }) => ctx.tasks.create(input)),
  update: procedure.input(UpdateTaskInput).mutation(async ({ ctx, input }) => {
    const task = await ctx.tasks.update(input);
    if (task === null) throw noSuchTask(input.id);
    return task;
  }),
  delete: procedure.input(z.object({ id: TaskId })).mutation(async ({ ctx, input }) => {
    if (!(await ctx.tasks.delete(input.id))) throw noSuchTask(input.id);
    return { id: input.id };
  }),
});
