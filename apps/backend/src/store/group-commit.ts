import { setImmediate } from "node:timers/promises";
import { CcrError, type RunId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import type { Engine } from "./engine.ts";
import type { Database } from "./schema.ts";

// Bounds what one commit holds in memory and how long it keeps others waiting, in UTF-16 code units and in jobs.
const GROUP_LENGTH = 4_000_000;
const GROUP_JOBS = 500;

/**
 * Writes within the transaction that it is given, and nowhere else: it may be called a second time after a rollback. It calls `changed` with
 * runs of which other processes are to hear.
 */
type Write<Result> = (trx: Transaction<Database>, changed: (runId: RunId) => void) => Promise<Result>;

type Job = {
  length: number;
  /** Writes, and gives what tells the caller once that is committed. */
  write: Write<() => void>;
  reject: (error: unknown) => void;
};

/** Commits the writes that come in at the same moment together: a disk syncs once for a hundred as fast as for one. */
export class GroupCommit {
  readonly #engine: Pick<Engine, "db" | "announce">;
  readonly #waiting: Job[] = [];
  #working: Promise<void> | null = null;

  constructor(engine: Pick<Engine, "db" | "announce">) {
    this.#engine = engine;
  }

  /** Resolves when the write is durable; rejects with what it threw, and then nothing of it is stored. Writes keep their order. `length` is about how much it writes. */
  run<Result>(length: number, write: Write<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const job: Job = {
        length,
        write: async (trx, changed) => {
          const result = await write(trx, changed);
          return () => resolve(result);
        },
        reject,
      };
      this.#waiting.push(job);
      this.#working ??= this.#work();
    });
  }

  /** Resolves when nothing is waiting to be written any more. */
  async idle(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      await setImmediate(); // whatever else arrives in this turn of the event loop joins
      const group = this.#next();
      try {
        await this.#commit(group);
      } catch (error) {
        await this.#commitApart(group, error);
      }
    }
    this.#working = null;
  }

  #next(): Job[] {
    let length = 0;
    let jobs = 0;
    for (const job of this.#waiting) {
      length += job.length;
      if (jobs > 0 && (length > GROUP_LENGTH || jobs >= GROUP_JOBS)) break;
      jobs++;
    }
    return this.#waiting.splice(0, jobs);
  }

  /** One job's refusal takes the whole group back: each on its own, then, so that it hits nobody else. */
  async #commitApart(group: readonly Job[], cause: unknown): Promise<void> {
    // Alone, or with a database that is busy, a second try would only wait as long again.
    const hopeless = group.length === 1 || (cause instanceof CcrError && cause.code === "unavailable");
    for (const job of group) {
      if (hopeless) job.reject(cause);
      else await this.#commit([job]).catch(job.reject);
    }
  }

  async #commit(group: readonly Job[]): Promise<void> {
    const { db } = this.#engine;
    const tell = await db.transaction().execute(async (trx) => {
      const done: (() => void)[] = [];
      const changed = new Set<RunId>();
      for (const job of group) done.push(await job.write(trx, (runId) => changed.add(runId)));
      if (changed.size > 0) await this.#engine.announce(trx, [...changed]);
      return done;
    });
    for (const done of tell) done();
  }
}
