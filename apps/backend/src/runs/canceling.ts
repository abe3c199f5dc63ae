import { isFinal, RUN_STATUSES, type Run, type RunStatus } from "@ccr/protocol";
import type { Move } from "../store/batch-types.ts";
import type { RunMetrics } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { RunEnded } from "./ending.ts";
import { transition } from "./transition.ts";

/** Where a person's wish to cancel leads a run of this status; null: it has ended. One that waits ends here, and is told. Pure. */
export const cancelMove = (status: RunStatus, now: Date): Move | null => {
  const next = transition(status, { type: "cancel_requested" });
  if (!next.legal) return null;
  const { status: to, reason, sentence } = next;
  // Of every other the end is told by whoever drives it.
  if (reason === null || sentence === null) return { from: [status], to };
  return {
    from: [status],
    to,
    patch: { reason, sentence, endedAt: now.toISOString() },
    message: { source: "runner", body: { type: "status", status: to, reason, sentence } },
  };
};

/** The moves of runs of every status, those that wait first: one that is claimed meanwhile is met by the next. Pure. */
export const cancelMoves = (now: Date): Move[] =>
  RUN_STATUSES.flatMap((status) => {
    const move = cancelMove(status, now);
    return move === null || move.to === status ? [] : [move];
  });

/** Tells those whom it concerns that a run was canceled. Who drives it on another server hears of it through the store. */
export const tellCanceled = (
  { id, status, reason }: Pick<Run, "id" | "status" | "reason">,
  { metrics, dispatcher }: { metrics: RunMetrics; dispatcher: Pick<Dispatcher, "stop"> },
): void => {
  if (!isFinal(status)) dispatcher.stop(id, new RunEnded("canceled"));
  else if (reason !== null) metrics.ended({ status, reason });
};
