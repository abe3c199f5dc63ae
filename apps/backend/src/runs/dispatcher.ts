import { type InstanceId, isFinal, type RunId } from "@ccr/protocol";
import { type Background, inBackground } from "./background.ts";
import type { RunDeps } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { reap } from "./recovery.ts";
import { superviseRun } from "./supervise.ts";
import { wait } from "./wait.ts";

// New runs wake the dispatcher; this is for those that another process wrote.
const LOOK_EVERY_MS = 1000;
const REAP_EVERY_MS = 60_000;

/** Claims queued runs, oldest first, as long as fewer than `maxConcurrentRuns` are going on, and supervises them. */
export class Dispatcher implements AsyncDisposable {
  readonly #deps: RunDeps;
  readonly #maxConcurrentRuns: number;
  readonly #going = new Map<RunId, { stop: AbortController; done: Promise<void> }>();
  readonly #closing = new AbortController();
  #wake = new AbortController();
  readonly #owned = new Set<InstanceId>();
  readonly #loop: Promise<void>;
  readonly #reaper: Background;

  constructor(deps: RunDeps, options: { maxConcurrentRuns: number }) {
    this.#deps = deps;
    this.#maxConcurrentRuns = options.maxConcurrentRuns;
    this.#loop = this.#run();
    this.#reaper = inBackground((signal) => this.#reap(signal));
  }

  /** Looks for a queued run now. */
  wake(): void {
    this.#wake.abort();
  }

  /** Ends the work on a run that this process drives; nothing happens for any other. */
  stop(id: RunId, why: RunEnded): void {
    this.#going.get(id)?.stop.abort(why);
  }

  /** Resolves when the run is not, or no longer, driven by this process. */
  async settled(id: RunId): Promise<void> {
    await this.#going.get(id)?.done;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#claimAll();
      } catch (error) {
        // The store may be locked or full for a while; the queue is looked at again at the next turn.
        this.#deps.log("error", "queued runs could not be claimed", {
          error: error instanceof Error ? error.message : String(error),
        });
      }
      await wait(LOOK_EVERY_MS, AbortSignal.any([this.#wake.signal, this.#closing.signal]));
    }
  }

  async #reap(signal: AbortSignal): Promise<void> {
    for (;;) {
      await wait(REAP_EVERY_MS, signal);
      if (signal.aborted) return;
      await reap(this.#deps, (id) => this.#owned.has(id));
    }
  }

  async #claimAll(): Promise<void> {
    while (this.#going.size < this.#maxConcurrentRuns && !this.#closing.signal.aborted) {
      const claim = await this.#deps.store.runs.claimNext();
      if (claim === null) return;
      const { id } = claim.run;
      const stop = new AbortController();
      const instances: InstanceId[] = [];
      const own = (instanceId: InstanceId): void => {
        instances.push(instanceId);
        this.#owned.add(instanceId);
      };
      const options = { claim, deps: this.#deps, own, signal: stop.signal, closing: this.#closing.signal };
      const done = superviseRun(options).finally(() => {
        this.#going.delete(id);
        for (const instanceId of instances) this.#owned.delete(instanceId);
        this.wake();
      });
      this.#going.set(id, { stop, done });
      // The person may have canceled between the claim and this line.
      const now = await this.#deps.store.runs.find(id);
      if (now !== null && (now.status === "canceling" || isFinal(now.status))) stop.abort(new RunEnded("canceled"));
    }
  }

  /** Claims nothing more, ends what is going on as `server_restarted`, and waits until it is taken down. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#loop;
    await this.#reaper.stop();
    for (const { stop } of this.#going.values()) stop.abort(new RunEnded("server_restarted", "Launch it again."));
    await Promise.all([...this.#going.values()].map(({ done }) => done));
  }
}
