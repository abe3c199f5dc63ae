import { AnswerInput, ConfigureInput, EditInputInput, RunId, SayInput, WithdrawInputInput } from "@ccr/protocol";
import { z } from "zod";
import { procedure, router } from "./trpc.ts";

const OfRun = z.object({ id: RunId });

export const talkRouter = router({
  say: procedure.input(SayInput).mutation(({ ctx, input }) => ctx.talk.say(input)),
  list: procedure.input(OfRun).query(({ ctx, input }) => ctx.talk.list(input.id)),
  edit: procedure.input(EditInputInput).mutation(({ ctx, input }) => ctx.talk.edit(input)),
  withdraw: procedure.input(WithdrawInputInput).mutation(({ ctx, input }) => ctx.talk.withdraw(input)),
  interrupt: procedure.input(OfRun).mutation(({ ctx, input }) => ctx.talk.interrupt(input.id)),
  answer: procedure.input(AnswerInput).mutation(({ ctx, input }) => ctx.talk.answer(input)),
  configure: procedure.input(ConfigureInput).mutation(({ ctx, input }) => ctx.talk.configure(input)),
  /** What the agent is writing at the moment; nothing of it is kept, and whoever connects again is given all there is. */
  onDraft: procedure.input(OfRun).subscription(async function* ({ ctx, input, signal }) {
    yield* ctx.talk.draft(input.id, signal ?? new AbortController().signal);
  }),
});
