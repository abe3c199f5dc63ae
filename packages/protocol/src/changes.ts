import type { FileChange, WorkspaceDiff } from "./executor.ts";

const STATUS: Readonly<Record<string, FileChange["status"]>> = {
  A: "added",
  M: "modified",
  D: "deleted",
  R: "renamed",
  C: "copied",
  T: "type_changed",
};

/** Reads `git diff --raw -z` and `git diff --numstat -z` of the same trees. Names may hold anything but NUL. Pure. */
export const parseChanges = (raw: string, numstat: string): FileChange[] => {
  const counts = new Map<string, { additions: number | null; deletions: number | null }>();
  const numbers = numstat.split("\0");
  for (let index = 0; index < numbers.length - 1; index += 1) {
    const match = /^(\d+|-)\t(\d+|-)\t([\s\S]*)$/.exec(numbers[index] ?? "");
    if (match === null) continue;
    const [, added = "-", deleted = "-"] = match;
    let path = match[3] ?? "";
    if (path === "") {
      // A rename: the old and the new name follow as fields of their own.
      path = numbers[index + 2] ?? "";
      index += 2;
    }
    counts.set(path, { additions: added === "-" ? null : Number(added), deletions: deleted === "-" ? null : Number(deleted) });
  }
  const files: FileChange[] = [];
  const fields = raw.split("\0");
  for (let index = 0; index < fields.length - 1; ) {
    const letter = /^:\d+ \d+ \S+ \S+ ([A-Z])\d*$/.exec(fields[index] ?? "")?.[1] ?? "M";
    const moved = letter === "R" || letter === "C";
    const first = fields[index + 1] ?? "";
    const path = moved ? (fields[index + 2] ?? "") : first;
    const { additions, deletions } = counts.get(path) ?? { additions: null, deletions: null };
    files.push({ path, oldPath: moved ? first : null, status: STATUS[letter] ?? "modified", additions, deletions });
    index += moved ? 3 : 2;
  }
  return files;
};

// "\ndiff --git "
const FILE_START = new TextEncoder().encode("\ndiff --git ");

const nextFile = (patch: Uint8Array, from: number): number => {
  for (let at = patch.indexOf(FILE_START[0] ?? 0, from); at !== -1; at = patch.indexOf(FILE_START[0] ?? 0, at + 1))
    if (FILE_START.every((byte, offset) => patch[at + offset] === byte)) return at + 1;
  return patch.length;
};

/** The patches of the single files, in order. No line of a file's content can look like the start of a patch: each begins with a sign. */
export const splitPatch = (patch: Uint8Array): Uint8Array[] => {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < patch.length; ) {
    const end = nextFile(patch, from);
    parts.push(patch.subarray(from, end));
    from = end;
  }
  return parts;
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes, or null when they are not UTF-8 and so cannot be put into JSON as they are. */
const decodeExactly = (bytes: Uint8Array): string | null => {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
};

/** Compares two trees with git, under these attributes. `truncated`: there was more. */
export type Compare = (args: readonly string[], attributes?: string) => Promise<{ stdout: Uint8Array; truncated: boolean }>;

/** A patch that `git apply` takes, cut at a file's end when it is longer than `maxBytes`. */
export const readPatch = async (compare: Compare, maxBytes: number): Promise<{ patch: string; truncated: boolean }> => {
  const asText = await compare(["--patch", "--binary"]);
  const parts = splitPatch(asText.stdout);
  if (asText.truncated) parts.pop();
  let binary: Uint8Array[] | null = null;
  const texts: string[] = [];
  let bytes = 0;
  for (const [position, part] of parts.entries()) {
    let text = bytes + part.length > maxBytes ? null : decodeExactly(part);
    if (text === null && bytes + part.length <= maxBytes) {
      // Text in another encoding: as a binary patch it survives being JSON.
      binary ??= splitPatch((await compare(["--patch", "--binary"], "* -diff\n")).stdout);
      text = decodeExactly(binary[position] ?? new Uint8Array());
    }
    const length = text === null ? 0 : new TextEncoder().encode(text).length;
    if (text === null || bytes + length > maxBytes) return { patch: texts.join(""), truncated: true };
    texts.push(text);
    bytes += length;
  }
  return { patch: texts.join(""), truncated: asText.truncated };
};

/** The longest patch that a diff holds, in bytes: it is one string of a JSON answer, and what is longer is nothing that a person reads. */
export const PATCH_MAX_BYTES = 16 * 1024 * 1024;

/**
 * The changes of several repositories as one, in their order; each file is named by its path in the workspace already. The commits are those of the
 * first one. Pure.
 */
export const joinDiffs = (diffs: readonly [WorkspaceDiff, ...WorkspaceDiff[]], maxBytes = PATCH_MAX_BYTES): WorkspaceDiff => {
  const [{ baseCommit, headCommit }] = diffs;
  const files = diffs.flatMap((diff) => diff.files);
  const texts: string[] = [];
  let bytes = 0;
  for (const { patch, truncated } of diffs) {
    for (const part of splitPatch(new TextEncoder().encode(patch))) {
      bytes += part.length;
      if (bytes > maxBytes) return { baseCommit, headCommit, files, patch: texts.join(""), truncated: true };
      texts.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(part));
    }
    if (truncated) return { baseCommit, headCommit, files, patch: texts.join(""), truncated: true };
  }
  return { baseCommit, headCommit, files, patch: texts.join(""), truncated: false };
};
