import { lstat, mkdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

/** Another executor works with the spool, and goes on doing so. */
export class SpoolHeldError extends Error {
  override readonly name = "SpoolHeldError";
}

export interface LockOptions {
  /** How long to wait for an executor that is on its way out. */
  withinMs?: number;
  /** Called once, when somebody else has the lock. */
  onWait?: () => void;
  /** Ends the waiting. */
  signal: AbortSignal;
}

const NAME = "executor.lock";
// A process that was killed is gone within moments; one whose door was taken away notices it and ends, which takes seconds.
const WITHIN_MS = 15_000;
const PAUSE_MS = 50;
// Two that ask at the same moment hinder each other for an instant; SQLite asks again for this long, and then one of them has it.
const CONTEST_MS = 20;
const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === SQLITE_BUSY;

/**
 * Puts away what is no lock: the agent can write here, and a folder or a text in the lock's place would keep every later executor from
 * its work. A file is emptied and not replaced, so that a lock that somebody holds on it stays what it is.
 */
const clearPlace = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isFile()) await rm(path, { recursive: true, force: true });
  else if (found.size > 0) await truncate(path);
};

const take = (path: string): DatabaseSync => {
  const lock = new DatabaseSync(path, { timeout: CONTEST_MS });
  try {
    // A journal on the disk would need room there, and would be left by one that is killed.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
};

/**
 * Takes a spool's folder, made when it is not there, for this process alone until disposed of; nothing else may be read or written there
 * before. Gives null when the signal ends the waiting; throws `SpoolHeldError` when another process has the lock and keeps it.
 *
 * The lock is the kernel's, on an empty file, taken through SQLite since Node has no call for it: it ends with its process, however that
 * ended, and never with a child's. It is there for two sandboxes that are made over the same folders by mistake. It is no wall against
 * the agent, who is the same user: whoever removes the file lets a second executor lock another one.
 */
export const lockSpool = async (
  folder: string,
  { withinMs = WITHIN_MS, onWait, signal }: LockOptions,
): Promise<Disposable | null> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, NAME);
  const begin = performance.now();
  for (let tries = 1; !signal.aborted; tries += 1) {
    await clearPlace(path);
    try {
      const lock = take(path);
      return { [Symbol.dispose]: () => lock.close() };
    } catch (error) {
      if (!isBusy(error)) {
        throw new Error(`${path} cannot be locked: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      if (performance.now() - begin >= withinMs) {
        throw new SpoolHeldError(
          `another executor works with ${folder}; only one can. End that one first, or choose another folder with EXECUTOR_SPOOL.`,
          { cause: error },
        );
      }
    }
    if (tries === 1) onWait?.();
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {}); // the signal is looked at next
  }
  return null;
};
