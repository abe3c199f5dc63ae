import { BatchId, CreateBatchInput, ListBatchesInput, ListBatchRunsInput, RunId } from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const byId = z.object({ id: BatchId });

export const batchesRouter = router({
  create: procedure.input(CreateBatchInput).mutation(async ({ ctx, input }) => {
    const batch = await ctx.batches.create(input);
    return { id: batch.id };
  }),
  byId: procedure.input(byId).query(({ ctx, input }) => ctx.batches.get(input.id)),
  list: procedure.input(ListBatchesInput.prefault({})).query(({ ctx, input }) => ctx.batches.list(input)),
  runs: procedure.input(ListBatchRunsInput).query(({ ctx, input }) => ctx.batches.rows(input)),
  pause: procedure.input(byId).mutation(({ ctx, input }) => ctx.batches.setPaused(input.id, true)),
  resume: procedure.input(byId).mutation(({ ctx, input }) => ctx.batches.setPaused(input.id, false)),
  cancel: procedure.input(byId).mutation(({ ctx, input }) => ctx.batches.cancel(input.id)),
  retry: procedure.input(byId).mutation(({ ctx, input }) => ctx.batches.retry(input.id)),
  choose: procedure.input(z.object({ runId: RunId })).mutation(({ ctx, input }) => ctx.batches.choose(input.runId)),
});
