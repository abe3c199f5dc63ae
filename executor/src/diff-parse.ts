import type { FileChange } from "@ccr/protocol";

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

const FILE_START = Buffer.from("\ndiff --git ");

/** The patches of the single files, in order. No line of a file's content can look like the start of a patch: each begins with a sign. */
export const splitPatch = (patch: Buffer): Buffer[] => {
  const parts: Buffer[] = [];
  let from = 0;
  while (from < patch.length) {
    const next = patch.indexOf(FILE_START, from);
    const end = next === -1 ? patch.length : next + 1;
    parts.push(patch.subarray(from, end));
    from = end;
  }
  return parts;
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes, or null when they are not UTF-8 and so cannot be put into JSON as they are. */
export const decodeExactly = (bytes: Uint8Array): string | null => {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
};
