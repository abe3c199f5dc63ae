import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

// An entry costs an inode and a name even when its file is empty, so a million empty files are not free.
const ENTRY_MIN_BYTES = 1024;
const BLOCK_BYTES = 512;
// What libuv's thread pool can use; more only fills memory.
const AT_ONCE = 32;

/**
 * What folders and files hold together on disk, in bytes, without following links; a file with several names counts once. What
 * vanishes or cannot be read while it is measured counts nothing. Stops at `maxEntries`, with what it has found so far.
 */
export const diskUsage = async (paths: readonly string[], { maxEntries = 1_000_000 } = {}): Promise<number> => {
  const seen = new Set<string>();
  const pending = [...paths];
  let bytes = 0;
  let entries = 0;

  const measure = async (path: string): Promise<void> => {
    const found = await lstat(path).catch(() => null);
    if (found === null) return;
    if (found.nlink > 1 && !found.isDirectory()) {
      const key = `${found.dev}:${found.ino}`;
      if (seen.has(key)) return;
      seen.add(key);
    }
    bytes += Math.max(found.blocks * BLOCK_BYTES, ENTRY_MIN_BYTES);
    if (!found.isDirectory()) return;
    for (const name of await readdir(path).catch(() => [])) pending.push(join(path, name));
  };

  while (pending.length > 0 && entries < maxEntries) {
    const batch = pending.splice(-AT_ONCE);
    entries += batch.length;
    await Promise.all(batch.map(measure));
  }
  return bytes;
};
