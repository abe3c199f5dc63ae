import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type CheckInput, CheckResult } from "@ccr/protocol";
import { z } from "zod";
import { replaceFile } from "./durable-file.ts";
import { stoppingError } from "./stopping.ts";

/** Enough for every check of a step that is asked for again after a server has died; each is bounded by the limit of its output. */
const STORED_MAX = 64;

const Stored = z.object({ checkId: z.string(), command: z.string(), result: CheckResult });
type Stored = z.infer<typeof Stored>;

interface Running {
  command: string;
  result: Promise<CheckResult>;
}

export interface ChecksOptions {
  /** Where results are kept. */
  folder: string;
  run: (input: CheckInput, signal: AbortSignal) => Promise<CheckResult>;
  /** Does a piece of work that writes little, also on a full disk. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
}

const keyOf = (checkId: string): string => createHash("sha256").update(checkId).digest("hex");

const expectSame = (checkId: string, { command }: { command: string }, asked: string): void => {
  if (command === asked) return;
  throw new CcrError("conflict", `The check '${checkId}' is known with another command. Give each check an id of its own.`);
};

/**
 * Checks, and the results of those that had an id: it is run once, however often it is asked for and whoever leaves meanwhile. The last
 * results are kept on disk. A check that the executor's own death ended has no result, and is run again when it is asked for again.
 */
export class Checks {
  readonly #options: ChecksOptions;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Running>();
  /** File names by the key of their id, oldest first. */
  readonly #stored: Map<string, string>;
  /** Results that the disk did not take. */
  readonly #unstored = new Map<string, Stored>();
  #count: number;

  private constructor(options: ChecksOptions, stored: Map<string, string>, count: number) {
    this.#options = options;
    this.#stored = stored;
    this.#count = count;
  }

  /** Reads what results there are; clears away what is none. */
  static async open(options: ChecksOptions): Promise<Checks> {
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const stored = new Map<string, string>();
    let count = 0;
    for (const name of (await readdir(folder)).sort()) {
      const [, number, key] = /^(\d{12})-([0-9a-f]{64})\.json$/.exec(name) ?? [];
      if (key === undefined) {
        await rm(join(folder, name), { recursive: true, force: true });
        continue;
      }
      stored.set(key, name);
      count = Math.max(count, Number(number));
    }
    return new Checks(options, stored, count);
  }

  /**
   * Runs a check, or gives the result of the one with the same id. `signal` ends a check without an id, and only the waiting for one that
   * has one. Throws `conflict` for an id that is known with another command.
   */
  async check(input: CheckInput, signal: AbortSignal): Promise<CheckResult> {
    const { checkId, command } = input;
    if (checkId === undefined) return this.#options.run(input, AbortSignal.any([signal, this.#closing.signal]));
    const running = this.#running.get(checkId) ?? this.#begin(checkId, input);
    expectSame(checkId, running, command);
    return running.result;
  }

  /** Ends the checks that are going on, without a result (`unavailable`); resolves when they have ended. */
  async close(): Promise<void> {
    this.#closing.abort(stoppingError());
    await Promise.allSettled([...this.#running.values()].map(({ result }) => result));
  }

  #begin(checkId: string, input: CheckInput): Running {
    const work = async () => {
      const known = await this.#find(checkId);
      if (known !== null) {
        expectSame(checkId, known, input.command);
        return known.result;
      }
      const result = await this.#options.run(input, this.#closing.signal);
      await this.#store({ checkId, command: input.command, result });
      return result;
    };
    const running = { command: input.command, result: work().finally(() => this.#running.delete(checkId)) };
    running.result.catch(() => {}); // told to whoever waits, if anybody still does
    this.#running.set(checkId, running);
    return running;
  }

  async #find(checkId: string): Promise<Stored | null> {
    const unstored = this.#unstored.get(checkId);
    if (unstored !== undefined) return unstored;
    const name = this.#stored.get(keyOf(checkId));
    if (name === undefined) return null;
    const text = await readFile(join(this.#options.folder, name), "utf8").catch(() => "");
    try {
      const { data } = Stored.safeParse(JSON.parse(text));
      return data?.checkId === checkId ? data : null;
    } catch {
      return null;
    }
  }

  async #store(stored: Stored): Promise<void> {
    const { folder, keep } = this.#options;
    const key = keyOf(stored.checkId);
    this.#count += 1;
    const name = `${String(this.#count).padStart(12, "0")}-${key}.json`;
    try {
      await keep(() => replaceFile(join(folder, name), JSON.stringify(stored)));
      this.#stored.delete(key);
      this.#stored.set(key, name);
    } catch {
      // A full disk takes no result away from who waits for it; it is remembered as long as this process lives.
      this.#unstored.set(stored.checkId, stored);
    }
    await this.#forget();
  }

  async #forget(): Promise<void> {
    for (const id of this.#unstored.keys()) {
      if (this.#unstored.size <= STORED_MAX) break;
      this.#unstored.delete(id);
    }
    for (const [key, name] of this.#stored) {
      if (this.#stored.size <= STORED_MAX) break;
      this.#stored.delete(key);
      await rm(join(this.#options.folder, name), { force: true });
    }
  }
}
