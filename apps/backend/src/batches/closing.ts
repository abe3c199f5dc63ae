import { checkoutsOf, isDelivered, RUN_REASONS, type Run, type RunId } from "@ccr/protocol";
import { tellCanceled } from "../runs/canceling.ts";
import { followedNoMore } from "../runs/deliver-once.ts";
import type { RunDeps } from "../runs/deps.ts";
import type { Dispatcher } from "../runs/dispatcher.ts";
import type { Results } from "../runs/types.ts";
import type { MovedRun } from "../store/batch-types.ts";

/** What closing has to reach. */
export type ClosingDeps = Pick<RunDeps, "store" | "metrics" | "outlet" | "log"> & {
  dispatcher: Pick<Dispatcher, "stop">;
  results: Pick<Results, "push">;
};

/** What the store has written about a choice: the run that was taken, all others of its group, and those of them that had not ended. */
export type Choice = { chosen: Run; closed: readonly RunId[]; moved: readonly MovedRun[] };

// A host that does not answer is told the next time somebody chooses.
const CLOSED_WITHIN_MS = 60_000;

/** Closes the pull requests of a run that was not chosen. What cannot be done now is told in the log, and done when the choice is made again. */
const withdraw = async (id: RunId, { store, outlet, log }: ClosingDeps): Promise<void> => {
  const run = await store.runs.find(id);
  if (run === null) return;
  const open = checkoutsOf(run).filter(({ delivered }) => delivered?.pullRequest != null);
  if (open.length === 0) return;
  try {
    for (const checkout of open) {
      const number = checkout.delivered?.pullRequest?.number ?? 0;
      await outlet.withdraw(checkout, number, AbortSignal.timeout(CLOSED_WITHIN_MS));
    }
    await store.deliveries.save(id, followedNoMore(run));
  } catch (error) {
    log("warn", "the pull request of a run that was not chosen could not be closed", {
      runId: id,
      error: error instanceof Error ? error.message : String(error),
    });
  }
};

/**
 * All that a choice means beyond the store, where each run is marked already: the others end, their pull requests are closed, and the chosen one is
 * delivered, if that waited for it. It may be called again for the same choice, and then finishes what was cut short.
 */
export const closeOthers = async ({ chosen, closed, moved }: Choice, deps: ClosingDeps): Promise<void> => {
  for (const run of moved) tellCanceled(run, deps);
  for (const id of closed) await withdraw(id, deps);
  const isDue = chosen.delivery?.when === "chosen" && !isDelivered(chosen);
  if (isDue && chosen.reason !== null && RUN_REASONS[chosen.reason].outcome === "passed")
    await deps.results.push({ id: chosen.id });
};
