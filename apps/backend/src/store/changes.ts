import { setTimeout as delay } from "node:timers/promises";
import type { Changed, Engine } from "./engine.ts";

// A database that is gone is asked this often whether it is back.
const AGAIN_MS = 500;

/** Hears what other processes change in the database, while anybody listens. A database that is gone for a time is waited for. */
export class Changes {
  readonly #engine: Engine;
  readonly #listeners = new Set<Changed>();
  #stop: AbortController | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Calls `changed` for whatever others change from now on, and once for everything when it begins to hear, or hears again. What it
   * rejects with is as if the database were gone. The result ends it.
   */
  listen(changed: Changed): () => void {
    const listener: Changed = (runIds) => changed(runIds);
    this.#listeners.add(listener);
    this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#stop?.abort();
      this.#stop = null;
    };
  }

  /** Ends for everybody; resolves when nothing of it goes on any more. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stop?.abort();
    this.#stop = null;
    await this.#ended;
  }

  #start(): void {
    if (this.#stop !== null) return;
    this.#stop = new AbortController();
    this.#ended = Promise.all([this.#ended, this.#hear(this.#stop.signal)]);
  }

  async #hear(signal: AbortSignal): Promise<void> {
    const tellAll: Changed = async (runIds) => {
      await Promise.all([...this.#listeners].map((changed) => changed(runIds)));
    };
    while (!signal.aborted) {
      // A watch that fails, whatever for, is begun again, and then tells of everything: nothing is missed, only late.
      await this.#engine.watch(tellAll, signal).catch(() => {});
      await delay(AGAIN_MS, undefined, { signal }).catch(() => {}); // rejects only when it is to stop
    }
  }
}
