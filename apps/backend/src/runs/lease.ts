import { FenceLostError, type Lease } from "../store/types.ts";
import { RunEnded } from "./ending.ts";
import { messageOf, type Scene } from "./scene.ts";

/** Who has not renewed a lease for this long has lost it. What the design grants: no run is without a driver for longer. */
export const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 5000;
// Whoever looks on needs a moment to look again, and to take over, within the lease.
const STALE_AFTER_MS = LEASE_MS - RENEW_EVERY_MS;

/**
 * Renews the lease of a run until the signal aborts. Calls `stop` once, with a `FenceLostError` when somebody else drives the run now, or
 * with the end `canceled` when a person wished so, on whichever server. A database that is away is asked again.
 */
export const keepLease = async (scene: Scene, stop: (why: Error) => void, signal: AbortSignal): Promise<void> => {
  const { run, fence, deps, activeMs } = scene;
  while (!signal.aborted) {
    try {
      const now = await deps.store.queue.renew(run.id, fence, activeMs());
      if (now.status === "canceling") stop(new RunEnded("canceled"));
    } catch (error) {
      if (error instanceof FenceLostError) {
        stop(error);
        return;
      }
      deps.log("warn", "a lease could not be renewed; trying again", { runId: run.id, error: messageOf(error) });
    }
    await deps.clock.wait(RENEW_EVERY_MS, signal);
  }
};

/** Remembers which leases were seen when, and so knows which ones nobody renews any more. */
export class LeaseWatch {
  readonly #seen = new Map<Lease["id"], { fence: number; beat: number; since: number }>();

  /** Takes in the leases that there are, and gives those that have stayed the same for so long that their owner is gone. */
  stale(leases: readonly Lease[], elapsedMs: number): Lease[] {
    const there = new Set(leases.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!there.has(id)) this.#seen.delete(id);
    return leases.filter(({ id, fence, beat }) => {
      const known = this.#seen.get(id);
      if (known !== undefined && known.fence === fence && known.beat === beat) return elapsedMs - known.since >= STALE_AFTER_MS;
      this.#seen.set(id, { fence, beat, since: elapsedMs });
      return false;
    });
  }
}
