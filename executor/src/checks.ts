import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type CheckInput, CheckResult } from "@ccr/protocol";
import { z } from "zod";
import { OutputFile, readOutput } from "./check-output.ts";
import { replaceFile } from "./durable-file.ts";
import { stoppingError } from "./stopping.ts";

/** Enough for every check of a step that is asked for again after a server has died; each is bounded by the limit of its output. */
const STORED_MAX = 64;
// Each is fetched before the next command begins. Together they take 256 MiB at most, of a disk that has a limit.
const OUTPUTS_MAX = 4;

const Stored = z.object({ checkId: z.string(), command: z.string(), result: CheckResult });
type Stored = z.infer<typeof Stored>;

interface Running {
  command: string;
  result: Promise<CheckResult>;
  interruption: AbortController;
}

interface RunSignals {
  /** See `CheckOptions`. */
  interruption: AbortSignal;
  signal: AbortSignal;
}

export interface ChecksOptions {
  /** Where results are kept, and what was too long for them. */
  folder: string;
  run: (input: CheckInput, signals: RunSignals, whole: OutputFile | null) => Promise<CheckResult>;
  /** Ends whatever checks have left running; resolves when it is gone. */
  endLeft: () => Promise<void>;
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
 * results are kept on disk, and the last whole outputs of those that hold only a part of theirs. A check that the executor's own death ended has
 * no result, and is run again when it is asked for again.
 */
export class Checks {
  readonly #options: ChecksOptions;
  readonly #closing = new AbortController();
  readonly #running = new Set<Running>();
  /** Those of them that have an id. */
  readonly #byId = new Map<string, Running>();
  #interrupting: Promise<unknown> = Promise.resolve();
  /** File names by the key of their id, oldest first. */
  readonly #stored: Map<string, string>;
  /** Keys of those whose whole output is kept, oldest first. */
  readonly #outputs: Set<string>;
  /** Results that the disk did not take. */
  readonly #unstored = new Map<string, Stored>();
  #count: number;

  private constructor(
    options: ChecksOptions,
    { stored, outputs, count }: { stored: Map<string, string>; outputs: Set<string>; count: number },
  ) {
    this.#options = options;
    this.#stored = stored;
    this.#outputs = outputs;
    this.#count = count;
  }

  /** Reads what results there are; clears away what is none. */
  static async open(options: ChecksOptions): Promise<Checks> {
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const stored = new Map<string, string>();
    const found = new Set<string>();
    let count = 0;
    for (const name of (await readdir(folder)).sort()) {
      const output = /^([0-9a-f]{64})\.txt$/.exec(name)?.[1];
      if (output !== undefined) {
        found.add(output);
        continue;
      }
      const [, number, key] = /^(\d{12})-([0-9a-f]{64})\.json$/.exec(name) ?? [];
      if (key === undefined) {
        await rm(join(folder, name), { recursive: true, force: true });
        continue;
      }
      stored.set(key, name);
      count = Math.max(count, Number(number));
    }
    const outputs = new Set([...stored.keys()].filter((key) => found.has(key)));
    for (const key of found) if (!outputs.has(key)) await rm(join(folder, `${key}.txt`), { recursive: true, force: true });
    return new Checks(options, { stored, outputs, count });
  }

  /**
   * Runs a check, or gives the result of the one with the same id. `signal` ends a check without an id, and only the waiting for one that
   * has one. Throws `conflict` for an id that is known with another command.
   */
  async check(input: CheckInput, signal: AbortSignal): Promise<CheckResult> {
    const { checkId, command } = input;
    if (checkId === undefined) {
      const ending = AbortSignal.any([signal, this.#closing.signal]);
      return this.#begin(command, (interruption) => this.#run(input, { interruption, signal: ending }, null)).result;
    }
    const running = this.#byId.get(checkId) ?? this.#beginNamed(checkId, input);
    expectSame(checkId, running, command);
    return running.result;
  }

  /** The whole output of a check whose result has only a part of it. Throws `not_found`. */
  async output(checkId: string, signal: AbortSignal): Promise<{ length: number; chunks: AsyncIterable<Buffer> }> {
    const found = await readOutput(this.#outputPath(keyOf(checkId)), signal);
    if (found !== null) return found;
    throw new CcrError("not_found", `There is no more output of the check '${checkId}' here than its result has.`);
  }

  /**
   * Ends the checks that are going on, as if their time were up, and all that any check has left running; resolves, when that is gone and
   * their results are kept, with whether there were any. Whoever waits for one is given its result: killed. Idempotent.
   */
  async interrupt(): Promise<boolean> {
    const ended = [...this.#running];
    for (const { interruption } of ended) interruption.abort();
    const gone = this.#interrupting.then(async () => {
      await Promise.allSettled(ended.map(({ result }) => result));
      await this.#options.endLeft();
    });
    this.#interrupting = gone.catch(() => {});
    await gone;
    return ended.length > 0;
  }

  /** Ends the checks that are going on, without a result (`unavailable`); resolves when they have ended. */
  async close(): Promise<void> {
    this.#closing.abort(stoppingError());
    await Promise.allSettled([...this.#running].map(({ result }) => result));
  }

  #begin(command: string, work: (interruption: AbortSignal) => Promise<CheckResult>): Running {
    const interruption = new AbortController();
    const result = work(interruption.signal).finally(() => this.#running.delete(running));
    result.catch(() => {}); // told to whoever waits, if anybody still does
    const running: Running = { command, result, interruption };
    this.#running.add(running);
    return running;
  }

  #beginNamed(checkId: string, input: CheckInput): Running {
    const { command } = input;
    const running = this.#begin(command, async (interruption) => {
      try {
        const known = await this.#find(checkId);
        if (known !== null) {
          expectSame(checkId, known, command);
          return known.result;
        }
        const result = await this.#runKeeping(checkId, input, { interruption, signal: this.#closing.signal });
        await this.#store({ checkId, command, result });
        return result;
      } finally {
        this.#byId.delete(checkId);
      }
    });
    this.#byId.set(checkId, running);
    return running;
  }

  /** The whole output is there under its name before anybody hears of the result. */
  async #runKeeping(checkId: string, input: CheckInput, signals: RunSignals): Promise<CheckResult> {
    const key = keyOf(checkId);
    const whole = new OutputFile(this.#outputPath(key));
    let isWanted = false;
    try {
      const result = await this.#run(input, signals, whole);
      isWanted = result.outputTruncated;
      return result;
    } finally {
      await whole.end(isWanted);
      this.#outputs.delete(key);
      if (isWanted) this.#outputs.add(key);
      for (const oldest of this.#outputs) if (this.#outputs.size > OUTPUTS_MAX) await this.#forgetOutput(oldest);
    }
  }

  async #forgetOutput(key: string): Promise<void> {
    this.#outputs.delete(key);
    await rm(this.#outputPath(key), { force: true });
  }

  #outputPath(key: string): string {
    return join(this.#options.folder, `${key}.txt`);
  }

  async #run(input: CheckInput, signals: RunSignals, whole: OutputFile | null): Promise<CheckResult> {
    // An interruption that is still looking for what was left running would take a new command for that. One of this check waits for it.
    if (!signals.interruption.aborted) await this.#interrupting;
    return this.#options.run(input, signals, whole);
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
      await this.#forgetOutput(keyOf(id));
    }
    for (const [key, name] of this.#stored) {
      if (this.#stored.size <= STORED_MAX) break;
      this.#stored.delete(key);
      await rm(join(this.#options.folder, name), { force: true });
      await this.#forgetOutput(key);
    }
  }
}
