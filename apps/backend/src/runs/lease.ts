import { FenceLostError, type Lease } from "../store/types.ts";
import { RunEnded } from "./ending.ts";
import { messageOf, type Scene } from "./scene.ts";

/** Who has not renewed a lease for this long has lost it. What the design grants: no run is without a driver for longer. */
export const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 5000;
// What could not be renewed is renewed as soon as the database is back, long before anybody may call the lease left.
const RETRY_EVERY_MS = 1000;
/** Whoever looks on needs a moment to look again, and to take over, within the lease. */
export const STALE_AFTER_MS = LEASE_MS - RENEW_EVERY_MS;

/**
 * Renews the lease of a run until the signal aborts. Calls `stop` once, with a `FenceLostError` when somebody else drives the run now, or
 * with the end `canceled` when a person wished so, on whichever server. A database that is away is asked again.
 */
export const keepLease = async (scene: Scene, stop: (why: Error) => void, signal: AbortSignal): Promise<void> => {
  const { run, fence, deps, activeMs } = scene;
  while (!signal.aborted) {
    let waitMs = RENEW_EVERY_MS;
    try {
      const now = await deps.store.queue.renew(run.id, fence, activeMs());
      if (now.status === "canceling") stop(new RunEnded("canceled"));
    } catch (error) {
      if (error instanceof FenceLostError) {
        stop(error);
        return;
      }
      deps.log("warn", "a lease could not be renewed; trying again", { runId: run.id, error: messageOf(error) });
      waitMs = RETRY_EVERY_MS;
    }
    await deps.clock.wait(waitMs, signal);
  }
};

// Looks come every second. A longer gap is one in which we were frozen, or the database was slow: owners may have been, too.
const GAP_COUNTS_MS = 5000;

/**
 * Watches for how long leases have stayed as they are. Only time counts in which an owner could have renewed its own: what lies between two
 * looks that worked, and of a long gap just the first seconds.
 */
export class LeaseWatch {
  readonly #seen = new Map<Lease["id"], Pick<Lease, "owner" | "fence" | "beat"> & { quietMs: number }>();
  #lookedAtMs = 0;

  /** To be told of a look that failed: what kept us from the database may keep the owners from it. */
  forget(): void {
    this.#seen.clear();
  }

  /** Takes in the leases that there are, and gives for how long each has not been renewed, or has been given up, in milliseconds. */
  look(leases: readonly Lease[], elapsedMs: number): Map<Lease["id"], number> {
    const passedMs = Math.min(elapsedMs - this.#lookedAtMs, GAP_COUNTS_MS);
    this.#lookedAtMs = elapsedMs;
    const before = new Map(this.#seen);
    this.#seen.clear();
    for (const { id, owner, fence, beat } of leases) {
      const known = before.get(id);
      const isSame = known !== undefined && known.owner === owner && known.fence === fence && known.beat === beat;
      this.#seen.set(id, { owner, fence, beat, quietMs: isSame ? known.quietMs + passedMs : 0 });
    }
    return new Map([...this.#seen].map(([id, { quietMs }]) => [id, quietMs]));
  }
}
