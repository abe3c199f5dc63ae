import { constants } from "node:fs";
import { type FileHandle, lstat, open, opendir, readlink } from "node:fs/promises";
import {
  CcrError,
  type FileEntry,
  FOLDER_ENTRIES_MAX,
  type FolderListing,
  isGitsOwn,
  listEntries,
  namesOfPath,
  toPathPart,
  WORKSPACE_FILE_MAX_BYTES,
} from "@ccr/protocol";
import type { Bytes } from "./executor.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const PIECE_BYTES = 64 * 1024;
// A folder is read to its end only as far as this, so that one with a million files takes no memory; what comes first is the system's choice.
const READ_MAX = 5 * FOLDER_ENTRIES_MAX;

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

const explain = (error: unknown, path: string): CcrError => {
  const named = path === "" ? "The workspace" : `'${path}'`;
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENXIO":
      return new CcrError("not_found", `${named} is not there (any more).`);
    case "ENOTDIR":
    case "ELOOP":
      return new CcrError(
        "conflict",
        `${named} is not what it is asked for as, or on its way there is a link: links are not followed.`,
      );
    case "EACCES":
    case "EPERM":
      return new CcrError("forbidden", `${named} may not be read by the sandbox's user.`);
    default:
      return new CcrError("internal", `${named} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/**
 * What a name means in an open folder. The folder is named by its descriptor and the name is one part alone: whatever is moved or replaced meanwhile, this
 * is what openat(2) would look at.
 */
const within = (folder: FileHandle, name: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${folder.fd}/`), name]);

/** Opens a place in the workspace step by step, and follows no link on the way. */
const openPlace = async (workspace: string, path: string, flags: number): Promise<FileHandle> => {
  const names = namesOfPath(path);
  if (names === null) throw new CcrError("bad_request", `'${path}' is not a path inside of the workspace.`);
  const last = names.pop();
  const folderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    let place = await open(workspace, last === undefined ? flags | O_DIRECTORY : O_RDONLY | O_DIRECTORY);
    for (const [index, name] of [...names, ...(last === undefined ? [] : [last])].entries()) {
      const above = place;
      try {
        place = await open(within(above, name), index < names.length ? folderFlags : flags | O_NOFOLLOW);
      } finally {
        await above.close();
      }
    }
    return place;
  } catch (error) {
    throw error instanceof CcrError ? error : explain(error, path);
  }
};

const entryOf = async (folder: FileHandle, name: Buffer): Promise<FileEntry | null> => {
  const path = within(folder, name);
  const found = await lstat(path).catch(() => null);
  if (found === null) return null; // it is gone by now
  const entry = { name: toPathPart(name), bytes: null, target: null };
  if (found.isDirectory()) return { ...entry, kind: "folder" };
  if (found.isFile()) return { ...entry, kind: "file", bytes: found.size };
  if (!found.isSymbolicLink()) return { ...entry, kind: "other" };
  const target = await readlink(path, { encoding: "buffer" }).catch(() => null);
  return { ...entry, kind: "link", target: target === null ? null : toPathPart(target).slice(0, 4096) };
};

/** What is in a folder of the workspace. Throws `CcrError` where there is none. */
export const listFiles = async (workspace: string, path: string): Promise<FolderListing> => {
  await using folder = await openPlace(workspace, path, O_RDONLY | O_DIRECTORY);
  const names: Buffer[] = [];
  let more = false;
  try {
    // Names are bytes: each is here as the character of its number.
    for await (const { name } of await opendir(`/proc/self/fd/${folder.fd}`, { encoding: "latin1" })) {
      const bytes = Buffer.from(name, "latin1");
      if (isGitsOwn(bytes)) continue;
      if (names.length === READ_MAX) {
        more = true;
        break;
      }
      names.push(bytes);
    }
  } catch (error) {
    throw explain(error, path);
  }
  const entries: FileEntry[] = [];
  for (const name of names) {
    const entry = await entryOf(folder, name);
    if (entry !== null) entries.push(entry);
  }
  return listEntries(entries, more);
};

/**
 * The bytes of a file of the workspace, as many as it has now; one that is cut meanwhile cuts the answer. Throws `CcrError` for what is no plain file, and for one
 * that is too large.
 */
export const readWorkspaceFile = async (workspace: string, path: string): Promise<Bytes> => {
  // A pipe would wait for somebody to write into it.
  const file = await openPlace(workspace, path, O_RDONLY | O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new CcrError("conflict", `'${path}' is not a plain file.`);
    if (found.size > WORKSPACE_FILE_MAX_BYTES) {
      const mib = WORKSPACE_FILE_MAX_BYTES / 1024 / 1024;
      throw new CcrError("payload_too_large", `'${path}' is larger than ${mib} MiB: take it out of the sandbox in parts.`);
    }
    return { length: found.size, chunks: pieces(file, found.size) };
  } catch (error) {
    await file.close();
    throw error;
  }
};

async function* pieces(file: FileHandle, length: number): AsyncGenerator<Buffer> {
  try {
    for (let at = 0; at < length; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(PIECE_BYTES, length - at)), 0, undefined, at);
      if (bytesRead === 0) throw new CcrError("conflict", "The file was cut while it was read.");
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
