import { CleanUpInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const serverRouter = router({
  info: procedure.query(({ ctx }) => ctx.info()),
  disk: procedure.query(({ ctx }) => ctx.upkeep.disk()),
  cleanUp: procedure.input(CleanUpInput).mutation(({ ctx, input }) => ctx.upkeep.cleanUp(input)),
});
