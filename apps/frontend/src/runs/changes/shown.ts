import { diffLines } from "./line-diff.ts";
import type { PatchFile, PatchHunk, PatchLine } from "./patch.ts";

/** What goes on longer is cut: nobody reads it, and one such line would make the whole file as wide. */
const LINE_MAX = 2000;

/** A changed file as it is shown. `id` tells it from others, also where a patch has two parts about one path. */
export type ShownFile = {
  id: string;
  file: PatchFile;
  /** The same text has the same one. */
  fingerprint: string;
  /** The lines that the patch leaves out are there, too. */
  isWhole?: boolean;
};

const hash = (text: string): string => {
  // FNV-1a, twice: it tells versions of a file apart, and guards nothing.
  let one = 0x811c9dc5;
  let other = 0x01000193;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x85ebca6b);
  }
  return (one >>> 0).toString(36) + (other >>> 0).toString(36);
};

const MARK = { context: " ", added: "+", removed: "-" } as const;

const textOf = (text: string): string =>
  text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)} … (${text.length - LINE_MAX} more characters)` : text;

const lineText = ({ kind, text, noNewline }: PatchLine): string =>
  `${MARK[kind]}${textOf(text).replace(/\r$/, "␍")}\n${noNewline ? "\\ No newline at end of file\n" : ""}`;

/** The hunks of a file as a patch of their own, with very long lines cut and ends of lines of Windows made visible. Pure. */
export const hunksAsPatch = ({ hunks }: Pick<PatchFile, "hunks">): string =>
  hunks.map(({ header, section, lines }) => `${header} ${section}\n${lines.map(lineText).join("")}`).join("");

const HEADER = "diff --git a/x b/x\n--- a/x\n+++ b/x\n";

/** A patch about the text of one file alone. Pure. */
export const asPatch = (file: Pick<PatchFile, "hunks">): string => HEADER + hunksAsPatch(file);

/** Gives each file its id and fingerprint. Pure. */
export const toShownFiles = (files: readonly PatchFile[]): ShownFile[] => {
  const seen = new Map<string, number>();
  return files.map((file) => {
    const count = (seen.get(file.path) ?? 0) + 1;
    seen.set(file.path, count);
    const { status, oldPath, newMode } = file;
    return {
      id: count === 1 ? file.path : `${file.path} (${count})`,
      file,
      fingerprint: hash(`${status} ${oldPath} ${newMode}\n${hunksAsPatch(file)}`),
    };
  });
};

// A mark before each line, so that an empty one stays a line.
const squash = (lines: readonly PatchLine[]): string => lines.map(({ text }) => `|${text.replaceAll(/\s+/g, "")}`).join("\n");

/** Of a block of removed and added lines, those that differ in more than white space; the others are context. */
const withoutBlanks = (removed: readonly PatchLine[], added: readonly PatchLine[]): PatchLine[] => {
  if (removed.length === 0 || added.length === 0) return [...removed, ...added];
  const marks = diffLines(squash(removed), squash(added), Number.POSITIVE_INFINITY);
  // Without any difference there are no lines at all.
  if (marks.length === 0)
    return added.map((line, index) => ({ ...line, kind: "context", oldLine: removed[index]?.oldLine ?? null }));
  return marks.flatMap(({ kind, oldLine, newLine }): PatchLine[] => {
    const before = oldLine === null ? undefined : removed[oldLine - 1];
    const after = newLine === null ? undefined : added[newLine - 1];
    if (kind === "context" && before !== undefined && after !== undefined)
      return [{ ...after, kind: "context", oldLine: before.oldLine }];
    return [before, after].filter((line) => line !== undefined);
  });
};

const hunkWithoutBlanks = (hunk: PatchHunk): PatchHunk => {
  const lines: PatchLine[] = [];
  let removed: PatchLine[] = [];
  let added: PatchLine[] = [];
  const flush = (): void => {
    lines.push(...withoutBlanks(removed, added));
    removed = [];
    added = [];
  };
  for (const line of hunk.lines) {
    if (line.kind === "context") {
      flush();
      lines.push(line);
    } else (line.kind === "removed" ? removed : added).push(line);
  }
  flush();
  return { ...hunk, lines };
};

/** The file without changes of white space alone; hunks that have no others are left out. Pure. */
export const withoutWhitespaceChanges = (file: PatchFile): PatchFile => {
  const hunks = file.hunks.map(hunkWithoutBlanks).filter(({ lines }) => lines.some(({ kind }) => kind !== "context"));
  const count = (wanted: PatchLine["kind"]): number =>
    hunks.reduce((sum, { lines }) => sum + lines.filter(({ kind }) => kind === wanted).length, 0);
  return { ...file, hunks, additions: count("added"), deletions: count("removed") };
};

/** What is to be said of a file beside its lines; null: nothing. Pure. */
export const noteOf = (file: PatchFile): string | null => {
  const notes: string[] = [];
  if (file.oldPath !== null) notes.push(`${file.status === "copied" ? "Copied" : "Renamed"} from ${file.oldPath}`);
  if (file.oldMode !== null && file.newMode !== null) notes.push(`Mode changed from ${file.oldMode} to ${file.newMode}`);
  if (file.binary) notes.push("A binary file: its content is not shown");
  if (notes.length === 0 && file.hunks.length === 0) notes.push("The file is empty");
  return notes.length === 0 ? null : notes.join(". ");
};
