import { lstat, opendir } from "node:fs/promises";

// An entry costs an inode and a name even when its file is empty, so a million empty files are not free.
const ENTRY_MIN_BYTES = 1024;
const BLOCK_BYTES = 512;
// What libuv's thread pool can use; more only fills memory.
const AT_ONCE = 32;
// A large folder is read in few calls.
const NAMES_AT_ONCE = 512;

/**
 * What folders and files hold together on disk, in bytes, without following links; a file with several names counts once. What
 * vanishes or cannot be read while it is measured counts nothing. More than `maxEntries`, or a path that is too long for the
 * kernel, counts as infinitely much: what cannot be measured must not pass for little.
 */
export const diskUsage = async (paths: readonly string[], { maxEntries = 1_000_000 } = {}): Promise<number> => {
  const seen = new Set<string>();
  const pending = paths.map((path) => Buffer.from(path).toString(NAME_ENCODING));
  let bytes = 0;
  let entries = 0;
  let measurable = true;

  const missed = (error: unknown): null => {
    if (error instanceof Error && "code" in error && error.code === "ENAMETOOLONG") measurable = false;
    return null;
  };

  const addNames = async (path: string): Promise<void> => {
    const options = { encoding: NAME_ENCODING, bufferSize: NAMES_AT_ONCE };
    for await (const { name } of await opendir(bytesOf(path), options)) {
      if (entries + pending.length >= maxEntries) measurable = false;
      if (!measurable) return;
      pending.push(`${path}/${name}`);
    }
  };

  const measure = async (path: string): Promise<void> => {
    const found = await lstat(bytesOf(path)).catch(missed);
    if (found === null) return;
    if (found.nlink > 1 && !found.isDirectory()) {
      const key = `${found.dev}:${found.ino}`;
      if (seen.has(key)) return;
      seen.add(key);
    }
    bytes += Math.max(found.blocks * BLOCK_BYTES, ENTRY_MIN_BYTES);
    if (found.isDirectory()) await addNames(path).catch(missed);
  };

  while (pending.length > 0 && measurable) {
    const batch = pending.splice(-AT_ONCE);
    entries += batch.length;
    await Promise.all(batch.map(measure));
  }
  return measurable ? bytes : Number.POSITIVE_INFINITY;
};

// A file's name is bytes, not text: read as UTF-8, a folder with another name would not be found again, and hide what it holds.
const NAME_ENCODING = "latin1" as const;
const bytesOf = (path: string): Buffer => Buffer.from(path, NAME_ENCODING);
