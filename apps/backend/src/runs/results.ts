import { CcrError, DeliverySettings, isFinal } from "@ccr/protocol";
import { createTurns } from "../git/turns.ts";
import { deliverAgain } from "./delivery.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { launchFollowUp } from "./follow-up.ts";
import type { Results, Runs } from "./types.ts";

const BRANCH = DeliverySettings.parse({ to: "branch" });

/** What a person may do with the results of runs that have ended. */
export const createResults = (
  deps: RunDeps,
  { runs, dispatcher }: { runs: Pick<Runs, "get">; dispatcher: Pick<Dispatcher, "wake"> },
  closing: AbortSignal,
): Results => {
  // Two clicks are not two pull requests.
  const turns = createTurns();
  return {
    push: ({ id, delivery }) =>
      turns.take(id, async () => {
        const run = await runs.get(id);
        if (!isFinal(run.status))
          throw new CcrError("conflict", `Run ${id} is ${run.status}: its result can be pushed when it has ended.`);
        const settings = delivery ?? run.delivery ?? BRANCH;
        await deliverAgain({ deps, store: deps.store }, { run, settings }, closing);
        return runs.get(id);
      }),
    async followUp({ id, instructions, idempotencyKey }) {
      const run = await runs.get(id);
      const { number, lastComment, lastComments } = run.continues ?? { number: 0, lastComment: null, lastComments: {} };
      const continuation = { runId: id, because: "person" as const, number, lastComment, lastComments };
      const launched = await launchFollowUp(deps, run, {
        root: run,
        instructions,
        continuation,
        // Keys are those of the task, which has other runs.
        idempotencyKey: idempotencyKey === undefined ? null : `after ${id} ${idempotencyKey}`,
      });
      dispatcher.wake();
      return launched;
    },
  };
};
