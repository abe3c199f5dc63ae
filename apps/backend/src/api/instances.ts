import { InstanceId } from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const input = z.object({ id: InstanceId });

export const instancesRouter = router({
  get: procedure.input(input).query(({ ctx, input: { id } }) => ctx.instances.get(id)),
  list: procedure.query(({ ctx }) => ctx.instances.list()),
  remove: procedure.input(input).mutation(({ ctx, input: { id } }) => ctx.instances.remove(id)),
});
