import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CcrError, EnvironmentId, KeptSetupView, Timestamp } from "@ccr/protocol";
import { z } from "zod";
import { takeLeft } from "./left.ts";
import { createTurns } from "./turns.ts";
import type { HeldSetup, KeptSetup, LeftOf, Setups } from "./types.ts";

const run = promisify(execFile);

const Entry = z.object({
  version: z.literal(1),
  environmentId: EnvironmentId,
  madeAt: Timestamp,
  bytes: z.number().int(),
  /** Left out by servers that did not write it down yet. */
  from: KeptSetupView.shape.from.optional(),
});
type Entry = z.infer<typeof Entry>;

const ENTRY = "entry.json";
const KEY = /^[0-9a-f]{64}$/;
/** How the names begin of what is not, or no longer, kept. */
const UNFINISHED = ".unfinished-";
const SYNC_WITHIN_MS = 120_000;

const isFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

const readEntry = async (folder: string): Promise<Entry | null> => {
  const text = await readFile(join(folder, ENTRY), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return Entry.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

/** Keeps what set-ups leave in a folder of this server, each under its key, whole or not at all. */
export const createSetups = (options: {
  folder: string;
  removeFolder: (path: string) => Promise<void>;
  now?: () => Date;
}): Setups => {
  const { folder, removeFolder, now = () => new Date() } = options;
  const users = new Map<string, number>();
  let prepared: Promise<void> | null = null;

  const prepare = (): Promise<void> => {
    prepared ??= (async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // The data folder is this process's alone: what is half made was left by one that was killed.
      for (const name of await readdir(folder)) if (name.startsWith(UNFINISHED)) await removeFolder(join(folder, name));
    })().catch((error: unknown) => {
      prepared = null; // the next call tries again
      throw error;
    });
    return prepared;
  };

  const hold = (path: string): Disposable => {
    users.set(path, (users.get(path) ?? 0) + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (users.get(path) ?? 1) - 1;
        if (left === 0) users.delete(path);
        else users.set(path, left);
      },
    };
  };

  const keep = async (key: string, left: LeftOf, signal: AbortSignal): Promise<void> => {
    await prepare();
    const fresh = join(folder, `${UNFINISHED}${randomUUID()}`);
    try {
      await mkdir(fresh, { mode: 0o755 });
      // Whatever the server's umask: the sandbox's user is not the server's.
      await chmod(fresh, 0o755);
      const { bytes } = await takeLeft(left, { to: fresh, removeFolder, signal });
      const { environmentId, from } = left;
      const entry: Entry = { version: 1, environmentId, madeAt: now().toISOString(), bytes, from };
      await writeFile(join(fresh, ENTRY), JSON.stringify(entry), { mode: 0o644 });
      // A machine that dies must not leave an entry whose files are empty.
      await run("sync", ["-f", fresh], { timeout: SYNC_WITHIN_MS }).catch(() => {});
      signal.throwIfAborted();
      await removeFolder(join(folder, key));
      await rename(fresh, join(folder, key));
    } catch (error) {
      if (isFull(error))
        throw new CcrError("disk_full", "The server's disk is full: what the set-up left could not be kept.", { cause: error });
      throw error;
    } finally {
      await removeFolder(fresh);
    }
  };

  const list = async (): Promise<KeptSetup[]> => {
    await prepare();
    const names = await readdir(folder).catch((): string[] => []);
    const found = names
      .filter((name) => KEY.test(name))
      .map(async (name): Promise<KeptSetup | null> => {
        const path = join(folder, name);
        const [entry, stats] = [await readEntry(path), await lstat(path).catch(() => null)];
        if (stats === null) return null;
        return {
          name,
          path,
          environmentId: entry?.environmentId ?? null,
          bytes: entry?.bytes ?? null,
          madeAt: entry?.madeAt ?? null,
          from: entry?.from ?? null,
          usedAt: stats.mtime,
          isHeld: users.has(path),
        };
      });
    return (await Promise.all(found)).filter((each) => each !== null);
  };

  return {
    folder,
    take: async (key, elsewhere): Promise<HeldSetup | null> => {
      const path = join(elsewhere ?? folder, key);
      const held = hold(path);
      const entry = await readEntry(path);
      if (entry === null) {
        held[Symbol.dispose]();
        return null;
      }
      // By this its age is told.
      await utimes(path, now(), now()).catch(() => {});
      return { path, madeAt: entry.madeAt, [Symbol.dispose]: () => held[Symbol.dispose]() };
    },
    keep,
    oneAtATime: createTurns(),
    list,
    remove: async (name, { usedBefore }) => {
      if (!KEY.test(name)) return false;
      const path = join(folder, name);
      const found = await lstat(path).catch(() => null);
      if (found === null || users.has(path) || found.mtime >= usedBefore) return false;
      // Taken away in one step, so that whoever comes in meanwhile finds it whole or not at all.
      const gone = join(folder, `${UNFINISHED}${randomUUID()}`);
      await rename(path, gone);
      await removeFolder(gone);
      return true;
    },
  };
};
