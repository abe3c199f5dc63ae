export type PatchLine = {
  kind: "context" | "added" | "removed";
  oldLine: number | null;
  newLine: number | null;
  text: string;
  noNewline: boolean;
};

export type PatchHunk = { header: string; section: string; lines: readonly PatchLine[] };

export type PatchFile = {
  path: string;
  /** The path before a rename or copy; null when it stayed. */
  oldPath: string | null;
  status: "added" | "modified" | "deleted" | "renamed" | "copied" | "mode_changed";
  binary: boolean;
  oldMode: string | null;
  newMode: string | null;
  additions: number;
  deletions: number;
  hunks: readonly PatchHunk[];
};

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/** A path as git writes it: as it is, or in C's quotes with the bytes of UTF-8 in octal. */
const unquote = (path: string): string => {
  if (!path.startsWith('"')) return path;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const inner = path.slice(1, path.endsWith('"') ? -1 : undefined);
  for (const [part] of inner.matchAll(/\\[0-7]{3}|\\.|[^\\]+/gs)) {
    if (!part.startsWith("\\")) bytes.push(...encoder.encode(part));
    else if (part.length === 4) bytes.push(Number.parseInt(part.slice(1), 8));
    else bytes.push(ESCAPES[part.slice(1)] ?? part.charCodeAt(1));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
};

const withoutPrefix = (path: string): string => unquote(path).replace(/^[ab]\//, "");

/** `diff --git a/x b/x`: only needed where no other line names the path, which is when both are the same. */
const pathOfHeader = (rest: string): string => {
  if (rest.startsWith('"')) return withoutPrefix(/^"(?:\\.|[^"\\])*"/.exec(rest)?.[0] ?? rest);
  const middle = (rest.length - 1) / 2;
  if (Number.isInteger(middle) && rest.slice(2, middle) === rest.slice(middle + 3)) return rest.slice(2, middle);
  return withoutPrefix(/ b\/(.*)$/s.exec(rest)?.[1] ?? rest);
};

type Draft = { -readonly [Key in keyof PatchFile]: PatchFile[Key] } & { hunks: PatchHunk[] };

const readHeaderLine = (file: Draft, line: string): void => {
  const value = (prefix: string): string | null => (line.startsWith(prefix) ? line.slice(prefix.length) : null);
  const mode = value("new file mode ") ?? value("new mode ");
  if (mode !== null) file.newMode = mode;
  const oldMode = value("deleted file mode ") ?? value("old mode ");
  if (oldMode !== null) file.oldMode = oldMode;
  if (line.startsWith("new file mode")) file.status = "added";
  if (line.startsWith("deleted file mode")) file.status = "deleted";
  const from = value("rename from ") ?? value("copy from ");
  if (from !== null) file.oldPath = unquote(from);
  const to = value("rename to ") ?? value("copy to ");
  if (to !== null) {
    file.path = unquote(to);
    file.status = line.startsWith("rename") ? "renamed" : "copied";
  }
  // A tab ends the path where it holds a space.
  const plus = value("+++ ")?.replace(/\t$/, "");
  if (plus !== undefined && plus !== "/dev/null") file.path = withoutPrefix(plus);
  const minus = value("--- ")?.replace(/\t$/, "");
  if (minus !== undefined && minus !== "/dev/null" && file.status === "deleted") file.path = withoutPrefix(minus);
  if (line.startsWith("Binary files ") || line === "GIT binary patch") file.binary = true;
};

/** Reads one hunk that begins at `start`; gives the index of the line after it. */
const readHunk = (lines: readonly string[], start: number, file: Draft): number => {
  const [header = "", oldStart, oldCount, newStart, newCount, section] =
    /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/.exec(lines[start] ?? "") ?? [];
  if (header === "") return start + 1;
  let oldLine = Number(oldStart);
  let newLine = Number(newStart);
  const oldEnd = oldLine + Number(oldCount ?? 1);
  const newEnd = newLine + Number(newCount ?? 1);
  const hunk: PatchLine[] = [];
  let index = start + 1;
  // The counts decide, not the marks: a removed line may itself begin with `--- ` or `diff --git`.
  while (index < lines.length && (oldLine < oldEnd || newLine < newEnd || lines[index]?.startsWith("\\") === true)) {
    const line = lines[index] ?? "";
    const text = line.slice(1);
    if (line.startsWith("\\")) {
      const last = hunk.at(-1);
      if (last !== undefined) last.noNewline = true;
    } else if (line.startsWith("+")) {
      hunk.push({ kind: "added", oldLine: null, newLine, text, noNewline: false });
      newLine += 1;
      file.additions += 1;
    } else if (line.startsWith("-")) {
      hunk.push({ kind: "removed", oldLine, newLine: null, text, noNewline: false });
      oldLine += 1;
      file.deletions += 1;
    } else if (line.startsWith(" ") || line === "") {
      hunk.push({ kind: "context", oldLine, newLine, text, noNewline: false });
      oldLine += 1;
      newLine += 1;
    } else break;
    index += 1;
  }
  file.hunks.push({ header: header.slice(0, header.indexOf("@@", 2) + 2), section: section ?? "", lines: hunk });
  return index;
};

/** Reads a patch as `git diff` writes it. What it does not understand is left out; a cut patch gives what is whole. */
export const parsePatch = (patch: string): readonly PatchFile[] => {
  const lines = patch.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const files: Draft[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? "";
    const file = files.at(-1);
    if (line.startsWith("diff --git ")) {
      const path = pathOfHeader(line.slice("diff --git ".length));
      files.push({
        path,
        oldPath: null,
        status: "modified",
        binary: false,
        oldMode: null,
        newMode: null,
        additions: 0,
        deletions: 0,
        hunks: [],
      });
    } else if (file !== undefined && line.startsWith("@@ ") && !file.binary) {
      index = readHunk(lines, index, file);
      continue;
    } else if (file !== undefined && file.hunks.length === 0 && !file.binary) {
      readHeaderLine(file, line);
    }
    index += 1;
  }
  return files.map((file) =>
    file.status === "modified" && file.hunks.length === 0 && !file.binary && file.oldMode !== file.newMode
      ? { ...file, status: "mode_changed" }
      : file,
  );
};
