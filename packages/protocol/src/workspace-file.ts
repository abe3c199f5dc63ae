import { z } from "zod";
import { RunId, Timestamp } from "./ids.ts";

/** Entries of one folder that are told of. */
export const FOLDER_ENTRIES_MAX = 2000;
/** Larger files of a workspace are not given. */
export const WORKSPACE_FILE_MAX_BYTES = 256 * 1024 * 1024;
const PATH_MAX_CHARACTERS = 8192;
/** Of file systems. */
const NAME_MAX_BYTES = 255;

const SLASH = 0x2f;
const ESCAPE = /%([0-9A-F]{2})/g;

/*
 * A path in a workspace. Names are bytes to the system, and need not be text: in a path, bytes that are no UTF-8, and characters that cannot be seen, stand as `%XX`, as
 * does `%` itself. So every name has one way to be written, and a plain one is written as it is.
 */

/** The bytes of a name as a part of a path. Pure. */
export const toPathPart = (name: Uint8Array): string => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text: string | null;
  try {
    text = decoder.decode(name);
  } catch {
    text = null;
  }
  if (text === null)
    return Array.from(name, (byte) => (isPlainByte(byte) ? String.fromCharCode(byte) : escapeByte(byte))).join("");
  return text.replaceAll(/[%\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(new TextEncoder().encode(character), escapeByte).join(""),
  );
};

const isPlainByte = (byte: number): boolean => byte >= 0x20 && byte < 0x7f && byte !== 0x25;
const escapeByte = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;

/** The bytes of a part of a path. Pure. */
const fromPathPart = (part: string): Uint8Array => {
  const bytes: number[] = [];
  let index = 0;
  for (const match of part.matchAll(ESCAPE)) {
    bytes.push(...new TextEncoder().encode(part.slice(index, match.index)), Number.parseInt(match[1] ?? "", 16));
    index = match.index + match[0].length;
  }
  bytes.push(...new TextEncoder().encode(part.slice(index)));
  return Uint8Array.from(bytes);
};

/** What can name something below a folder, and is not git's own. */
const isName = (name: Uint8Array): boolean => {
  const text = String.fromCharCode(...name);
  return !["", ".", ".."].includes(text) && text.length <= NAME_MAX_BYTES && !/[\0/]/.test(text);
};

/** Whether a name is git's own, which no view of a workspace shows. Pure. */
export const isGitsOwn = (name: Uint8Array): boolean => String.fromCharCode(...name).toLowerCase() === ".git";

/**
 * The names that lead to a place in a workspace; none for the workspace itself, and null for a path that is none: it leads out, up or into git's own.
 * Pure.
 */
export const namesOfPath = (path: string): Uint8Array[] | null => {
  if (path === "") return [];
  const names = path.split("/").map(fromPathPart);
  return names.every((name) => isName(name) && !isGitsOwn(name)) ? names : null;
};

/** The name of something in a folder, as it is in paths. Pure. */
export const pathBelow = (folder: string, name: Uint8Array): string =>
  folder === "" ? toPathPart(name) : `${folder}/${toPathPart(name)}`;

export const WorkspacePath = z
  .string()
  .max(PATH_MAX_CHARACTERS, "the path is too long")
  .refine((path) => namesOfPath(path) !== null, "the path must be one inside of the workspace, such as src/main.ts");

/** `other`: a pipe, a socket, a device, or another repository inside of this one. */
export const FileKind = z.enum(["folder", "file", "link", "other"]);
export type FileKind = z.infer<typeof FileKind>;

export const FileEntry = z.object({
  /** As it is in paths. */
  name: z.string().max(1024),
  kind: FileKind,
  /** Of a file. */
  bytes: z.number().int().min(0).nullable(),
  /** Where a link leads, as it says; null for others, and where it was not read. */
  target: z.string().max(4096).nullable(),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** A folder: folders first, each by name. Links are told of and not followed; git's own folder is left out. */
export const FolderListing = z.object({
  entries: z.array(FileEntry).max(FOLDER_ENTRIES_MAX),
  /** There are more. */
  truncated: z.boolean(),
});
export type FolderListing = z.infer<typeof FolderListing>;

export const FileQuery = z.object({ path: WorkspacePath.default("") });

export const ListFilesInput = z.object({ runId: RunId, path: WorkspacePath.default("") });
export type ListFilesInput = z.infer<typeof ListFilesInput>;

/** Where the files were read: in the sandbox, as they are now, or in what was kept of the run's work at that time. */
export const FilesFrom = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("sandbox") }),
  z.object({ kind: z.literal("kept"), at: Timestamp }),
]);
export type FilesFrom = z.infer<typeof FilesFrom>;

export const ListedFolder = FolderListing.extend({ from: FilesFrom });
export type ListedFolder = z.infer<typeof ListedFolder>;

/** Paths that are told of at once, and the characters that they may have together. */
export const FILE_PATHS_MAX = 50_000;
const FILE_PATHS_MAX_CHARACTERS = 4 * 1024 * 1024;

/** The paths of all files that git does not ignore, in no order that means something. */
export const FilePaths = z.object({
  paths: z.array(z.string().max(PATH_MAX_CHARACTERS)).max(FILE_PATHS_MAX),
  /** There are more. */
  truncated: z.boolean(),
});
export type FilePaths = z.infer<typeof FilePaths>;

export const FilePathsInput = z.object({ runId: RunId });
export type FilePathsInput = z.infer<typeof FilePathsInput>;

export const ListedPaths = FilePaths.extend({ from: FilesFrom });
export type ListedPaths = z.infer<typeof ListedPaths>;

// Bytes that are no ASCII become something else, whatever it is.
const ASCII = new TextDecoder("latin1");
const PLAIN_PATH = /^[\x20-\x24\x26-\x7e]+$/;

/** The bytes of a path, as git gives them, as a path in a workspace. Pure. */
export const toPath = (bytes: Uint8Array): string => {
  const text = ASCII.decode(bytes);
  if (PLAIN_PATH.test(text)) return text;
  const parts: string[] = [];
  for (let at = 0; at <= bytes.length; ) {
    const found = bytes.indexOf(SLASH, at);
    const end = found === -1 ? bytes.length : found;
    parts.push(toPathPart(bytes.subarray(at, end)));
    at = end + 1;
  }
  return parts.join("/");
};

/** Gathers paths as far as they are told of. */
export const gatherPaths = () => {
  const paths: string[] = [];
  let characters = 0;
  let truncated = false;
  return {
    /** Whether there was room for it; where there was none, there is none for later ones. One that is too long to be asked for is left out. */
    add: (path: string): boolean => {
      if (path.length > PATH_MAX_CHARACTERS) {
        truncated = true;
        return true;
      }
      if (paths.length === FILE_PATHS_MAX || characters + path.length > FILE_PATHS_MAX_CHARACTERS) {
        truncated = true;
        return false;
      }
      paths.push(path);
      characters += path.length;
      return true;
    },
    /** There are more than what was added. */
    cut: (): void => {
      truncated = true;
    },
    result: (): FilePaths => ({ paths, truncated }),
  };
};

/** Folders first, each by name, cut to what is told of. Pure. */
export const listEntries = (entries: readonly FileEntry[], more: boolean): FolderListing => {
  const sorted = [...entries].sort(
    (a, b) =>
      Number(b.kind === "folder") - Number(a.kind === "folder") ||
      a.name.localeCompare(b.name, "en", { numeric: true }) ||
      (a.name < b.name ? -1 : 1),
  );
  return { entries: sorted.slice(0, FOLDER_ENTRIES_MAX), truncated: more || sorted.length > FOLDER_ENTRIES_MAX };
};
