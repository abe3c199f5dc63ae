import { InstanceId, ListInstancesInput } from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const input = z.object({ id: InstanceId });

export const instancesRouter = router({
  get: procedure.input(input).query(({ ctx, input: { id } }) => ctx.instances.get(id)),
  list: procedure
    .input(ListInstancesInput.optional())
    .query(({ ctx, input: given }) => ctx.instances.list(given ?? ListInstancesInput.parse({}))),
  usage: procedure.query(({ ctx }) => ctx.instances.usage()),
  remove: procedure.input(input).mutation(({ ctx, input: { id } }) => ctx.instances.remove(id)),
});
