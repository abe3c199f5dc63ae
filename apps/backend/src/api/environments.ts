import {
  CreateEnvironmentInput,
  EnvironmentId,
  RemoveSetupInput,
  SetDefaultEnvironmentInput,
  SetSecretsInput,
  SetUpEnvironmentInput,
  UpdateEnvironmentInput,
} from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const ById = z.object({ id: EnvironmentId });

export const environmentsRouter = router({
  byId: procedure.input(ById).query(({ ctx, input }) => ctx.environments.get(input.id)),
  list: procedure.query(({ ctx }) => ctx.environments.list()),
  /** What this server's environments can have, and the defaults of repositories. */
  facts: procedure.query(({ ctx }) => ctx.environments.facts()),
  create: procedure.input(CreateEnvironmentInput).mutation(({ ctx, input }) => ctx.environments.create(input)),
  update: procedure.input(UpdateEnvironmentInput).mutation(({ ctx, input }) => ctx.environments.update(input)),
  delete: procedure.input(ById).mutation(async ({ ctx, input }) => {
    await ctx.environments.delete(input.id);
    return { id: input.id };
  }),
  setSecrets: procedure.input(SetSecretsInput).mutation(({ ctx, input }) => ctx.environments.setSecrets(input)),
  setDefault: procedure.input(SetDefaultEnvironmentInput).mutation(async ({ ctx, input }) => {
    await ctx.environments.setDefault(input);
    return input;
  }),
  setups: procedure.input(ById).query(({ ctx, input }) => ctx.environments.setups(input.id)),
  removeSetup: procedure.input(RemoveSetupInput).mutation(async ({ ctx, input }) => {
    await ctx.environments.removeSetup(input);
    return input;
  }),
  setUp: procedure
    .input(SetUpEnvironmentInput)
    .mutation(async ({ ctx, input }) => ({ id: (await ctx.launches.setUp(input)).id })),
  rebuild: procedure.input(ById).mutation(({ ctx, input }) => ctx.environments.rebuild(input.id)),
});
