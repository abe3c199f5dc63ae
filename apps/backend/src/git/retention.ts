import { randomUUID } from "node:crypto";
import { lstat, readdir, realpath, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseRepository } from "@ccr/protocol";
import type { MirrorUse } from "./mirror-use.ts";
import { type MirrorPins, mirrorName, UNFINISHED } from "./mirrors.ts";

/** A mirror that is there, and when it was last fetched for somebody. */
export type KeptMirror = { name: string; path: string; usedAt: Date };

/** What there is of mirrors, and their removal. */
export interface MirrorRetention {
  list(): Promise<KeptMirror[]>;
  /** See `MirrorPins`. */
  isPinned(path: string, signal: AbortSignal): Promise<boolean>;
  /** The names that the mirror of a run's repository can have. */
  namesFor(repository: string): Promise<string[]>;
  /**
   * Removes a mirror that was not used since `usedBefore`. false: somebody uses it, it was used meanwhile, or it is gone. Whatever is killed,
   * a mirror is there as a whole or not at all.
   */
  remove(name: string, usedBefore: Date): Promise<boolean>;
}

// What `mirrorName` makes. Anything else in the folder was put there by somebody else, and stays.
const MIRROR = /^[0-9a-f]{16}-[A-Za-z0-9._-]{1,80}\.git$/;

export const createMirrorRetention = (options: {
  dataDir: string;
  use: MirrorUse;
  pins: Pick<MirrorPins, "isPinned">;
}): MirrorRetention => {
  const { dataDir, use, pins } = options;
  const folder = join(dataDir, "mirrors");

  const find = async (name: string): Promise<KeptMirror | null> => {
    const path = join(folder, name);
    const found = MIRROR.test(name) ? await lstat(path).catch(() => null) : null;
    if (found === null || !found.isDirectory()) return null;
    // Mirrors of earlier versions were not touched when they were used; git writes this file at each fetch.
    const fetched = await lstat(join(path, "FETCH_HEAD")).catch(() => null);
    return { name, path, usedAt: new Date(Math.max(found.mtimeMs, fetched?.mtimeMs ?? 0)) };
  };

  const listNames = async (): Promise<string[]> => {
    try {
      return await readdir(folder);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  };

  return {
    list: async () => (await Promise.all((await listNames()).map(find))).filter((mirror) => mirror !== null),

    isPinned: (path, signal) => pins.isPinned(path, signal),

    namesFor: async (repository) => {
      const parsed = parseRepository(repository);
      if (!parsed.ok) return [];
      if (parsed.address.transport !== "local") return [mirrorName(parsed.address.url)];
      const { path } = parsed.address;
      return [mirrorName(path), mirrorName(await realpath(path).catch(() => path))];
    },

    remove: async (name, usedBefore) => {
      const path = join(folder, name);
      const away = join(folder, `${UNFINISHED}${randomUUID()}`);
      const moved = await use.whenIdle(path, async () => {
        const mirror = await find(name);
        if (mirror === null || mirror.usedAt >= usedBefore) return false;
        await rename(path, away);
        return true;
      });
      if (moved !== true) return false;
      // What a kill leaves of it is cleared away with the half-made mirrors, at a later start.
      await rm(away, { recursive: true, force: true });
      return true;
    },
  };
};
