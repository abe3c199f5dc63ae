import type { BatchId } from "@ccr/protocol";
import type { Move } from "../batch-types.ts";
import type { Claim, Claimer, Store } from "../types.ts";
import { anyRun, type GivenBatch, newBatch } from "./place.ts";

/** What canceling does to a run, by its status. */
export const moves: Move[] = [
  {
    from: ["queued"],
    to: "canceled",
    patch: { reason: "canceled", sentence: "Canceled.", endedAt: "2026-11-22T21:00:00.000Z" },
    message: { source: "runner", body: { type: "status", status: "canceled", reason: "canceled", sentence: "Canceled." } },
  },
  { from: ["starting", "running", "waiting"], to: "canceling" },
];

/** Launches a batch, and gives its id. */
export const launch = async (store: Store, given: GivenBatch = {}): Promise<BatchId> =>
  (await store.batches.create(await newBatch(store, given))).batch.id;

/** The whole table of a batch, or of one group of it. */
export const rowsOf = (store: Store, id: BatchId, group?: number) => store.batches.rows({ id, after: 0, limit: 1000, group });

/** Claims whatever is first. */
export const claim = async (store: Store, claimer: Claimer = anyRun): Promise<Claim> => {
  const got = await store.queue.claimNext(claimer);
  if (got === null) throw new Error("nothing could be claimed");
  return got;
};

/** Ends a run badly. */
export const fail = async (
  store: Store,
  { run, fence }: Claim,
  reason: "check_failed" | "push_failed" = "check_failed",
): Promise<void> => {
  const from = ["starting", "running", "canceling"] as const;
  const patch = { reason, sentence: "It failed.", endedAt: "2026-11-22T20:30:00.000Z" };
  if ((await store.runs.advance(run.id, { from, to: "failed", fence, patch })) === null) throw new Error("it could not be ended");
};
