import {
  AllowHostInput,
  CancelRunsInput,
  CreateRunInput,
  DismissRunsInput,
  FollowUpInput,
  ListRunsInput,
  OnMessageInput,
  PageRunsInput,
  PushRunInput,
  ReadMessagesInput,
  RetryRunInput,
  RetryRunsInput,
  RunFilter,
  RunId,
  SetPriorityInput,
  SomeRunsInput,
  StartRunInput,
} from "@ccr/protocol";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

export const runsRouter = router({
  create: procedure.input(CreateRunInput).mutation(async ({ ctx, input }) => {
    const run = await ctx.runs.create(input);
    return { id: run.id };
  }),
  byId: procedure.input(z.object({ id: RunId })).query(({ ctx, input }) => ctx.runs.get(input.id)),
  list: procedure.input(ListRunsInput.prefault({})).query(({ ctx, input }) => ctx.runs.list(input)),
  page: procedure.input(PageRunsInput.prefault({})).query(({ ctx, input }) => ctx.listing.page(input)),
  counts: procedure.input(RunFilter.omit({ status: true }).prefault({})).query(({ ctx, input }) => ctx.listing.counts(input)),
  select: procedure.input(RunFilter.prefault({})).query(({ ctx, input }) => ctx.listing.select(input)),
  some: procedure.input(SomeRunsInput).query(({ ctx, input }) => ctx.listing.some(input.ids)),
  overview: procedure.query(({ ctx }) => ctx.listing.overview()),
  dismiss: procedure.input(DismissRunsInput).mutation(async ({ ctx, input }) => ({ count: await ctx.listing.dismiss(input) })),
  start: procedure.input(StartRunInput).mutation(async ({ ctx, input }) => {
    const { id, taskId } = await ctx.launches.start(input);
    return { id, taskId };
  }),
  retry: procedure.input(RetryRunInput).mutation(async ({ ctx, input }) => ({ id: (await ctx.launches.retry(input)).id })),
  retryMany: procedure.input(RetryRunsInput).mutation(({ ctx, input }) => ctx.launches.retryMany(input)),
  cancelMany: procedure.input(CancelRunsInput).mutation(({ ctx, input }) => ctx.launches.cancelMany(input)),
  messages: procedure.input(ReadMessagesInput).query(({ ctx, input }) => ctx.runs.messages(input.id, input)),
  setPriority: procedure.input(SetPriorityInput).mutation(({ ctx, input }) => ctx.runs.setPriority(input.id, input.priority)),
  cancel: procedure.input(z.object({ id: RunId })).mutation(({ ctx, input }) => ctx.runs.cancel(input.id)),
  push: procedure.input(PushRunInput).mutation(({ ctx, input }) => ctx.results.push(input)),
  followUp: procedure.input(FollowUpInput).mutation(async ({ ctx, input }) => ({ id: (await ctx.results.followUp(input)).id })),
  diff: procedure.input(z.object({ id: RunId })).query(({ ctx, input }) => ctx.runs.diff(input.id)),
  requests: procedure
    .input(
      z.object({
        id: RunId,
        after: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(1000).default(200),
        refusedOnly: z.boolean().default(false),
      }),
    )
    .query(({ ctx, input }) => ctx.runs.requests(input.id, input)),
  allowHost: procedure.input(AllowHostInput).mutation(({ ctx, input }) => ctx.network.allowHost(input)),
  /** Replays what comes after `lastEventId`, then goes on live; the stream ends after the last message of a run that has ended. */
  onMessage: procedure.input(OnMessageInput).subscription(async function* ({ ctx, input, signal }) {
    const until = signal ?? new AbortController().signal;
    for await (const message of ctx.runs.follow(input.id, { after: Number(input.lastEventId ?? 0) }, until)) {
      yield tracked(String(message.seq), message);
    }
  }),
});
