import { createWriteStream } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CcrError } from "@ccr/protocol";
import { extract } from "tar-stream";

const BYTES_MAX = 4 * 1024 ** 3;
const ENTRIES_MAX = 300_000;

/** The path of an entry below the folder; null for one that would lie elsewhere. */
const safePath = (name: string): string | null => {
  const path = posix.normalize(name.replace(/\/+$/, ""));
  return path === "." || path === ".." || path.startsWith("../") || path.startsWith("/") || path.includes("\0") ? null : path;
};

/**
 * Lays out the files of a commit, as git packs them, in an empty folder: files, folders, and links that lead to somewhere within. Nothing else,
 * and nothing elsewhere.
 */
export const layOut = async (archive: AsyncIterable<Uint8Array>, folder: string, signal: AbortSignal): Promise<void> => {
  const links: { path: string; target: string }[] = [];
  const unpacked = extract();
  const feeding = pipeline(Readable.from(archive), unpacked, { signal });
  feeding.catch(() => {}); // whoever reads the entries hears of it
  let bytes = 0;
  let entries = 0;
  for await (const entry of unpacked) {
    const { name, type, size = 0, linkname, mode = 0 } = entry.header;
    const path = safePath(name);
    entries++;
    bytes += size;
    if (bytes > BYTES_MAX || entries > ENTRIES_MAX)
      throw new CcrError("unprocessable", "The repository is too large for its image to be built.");
    if (path !== null && type === "directory") await mkdir(join(folder, path), { recursive: true });
    else if (path !== null && type === "file") {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      // There are no links yet, through which a path could lead elsewhere.
      await pipeline(entry, createWriteStream(join(folder, path), { flags: "wx", mode: (mode & 0o111) === 0 ? 0o644 : 0o755 }));
      continue;
    } else if (path !== null && type === "symlink" && typeof linkname === "string") links.push({ path, target: linkname });
    entry.resume();
  }
  await feeding;
  for (const { path, target } of links) {
    const end = posix.normalize(posix.join(posix.dirname(path), target));
    if (target.startsWith("/") || end === ".." || end.startsWith("../")) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path)).catch(() => {}); // something else has its name
  }
};
