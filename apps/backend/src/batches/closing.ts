import type { Run, RunId } from "@ccr/protocol";
import { tellCanceled } from "../runs/canceling.ts";
import type { RunMetrics } from "../runs/deps.ts";
import type { Dispatcher } from "../runs/dispatcher.ts";
import type { MovedRun } from "../store/batch-types.ts";

/** What closing has to reach. */
export type ClosingDeps = { metrics: RunMetrics; dispatcher: Pick<Dispatcher, "stop"> };

/** What the store has written about a choice: the run that was taken, all others of its group, and those of them that had not ended. */
export type Choice = { chosen: Run; closed: readonly RunId[]; moved: readonly MovedRun[] };

/**
 * All that closing the others of a group means beyond the store, where each is marked already. Whatever else a run may have by then, such as a
 * branch or a request to merge, is closed from here. It may be called again for the same choice, and then finishes what was cut short.
 */
export const closeOthers = async ({ moved }: Choice, deps: ClosingDeps): Promise<void> => {
  for (const run of moved) tellCanceled(run, deps);
};
