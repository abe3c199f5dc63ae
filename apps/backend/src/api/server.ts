import { CleanUpInput, SetBudgetsInput, SpendInput, TestCredentialInput } from "@ccr/protocol";
import { procedure, router } from "./trpc.ts";

export const serverRouter = router({
  info: procedure.query(({ ctx }) => ctx.server.info()),
  about: procedure.query(({ ctx }) => ctx.server.about()),
  disk: procedure.query(({ ctx }) => ctx.upkeep.disk()),
  cleanUp: procedure.input(CleanUpInput).mutation(({ ctx, input }) => ctx.upkeep.cleanUp(input)),
  credentials: procedure.query(({ ctx }) => ctx.credentials.list()),
  testCredential: procedure
    .input(TestCredentialInput)
    .mutation(({ ctx, input, signal }) => ctx.credentials.test(input.id, signal ?? new AbortController().signal)),
  spend: procedure.input(SpendInput).query(({ ctx, input }) => ctx.overview.spend(input)),
  budgets: procedure.query(({ ctx }) => ctx.overview.budgets()),
  setBudgets: procedure.input(SetBudgetsInput).mutation(({ ctx, input }) => ctx.overview.setBudgets(input)),
});
