import type { PatchFile, PatchLine } from "./patch.ts";

/** Where a hunk begins in the file as it is now. Of one without a line there, git names the line before it. */
const startOf = (header: string): number => {
  const [, line = "1", count = "1"] = /\+(\d+)(?:,(\d+))? @@/.exec(header) ?? [];
  return Number(line) + (count === "0" ? 1 : 0);
};

const range = (first: number, count: number): string => `${count === 0 ? first - 1 : first},${count}`;

/** Whether a patch of a file leaves out lines that it has: all of an added, a deleted and an empty one are there. Pure. */
export const hasHidden = ({ status, binary, hunks }: PatchFile): boolean =>
  !binary && status !== "added" && status !== "deleted" && hunks.length > 0;

/**
 * The file with all lines that git left out around its changes, as one hunk: `text` is the file as it is now. Null when the patch does not tell of this
 * text, since the file was changed after it was made. Pure.
 */
export const withHidden = (file: PatchFile, text: string): PatchFile | null => {
  const now = text.split("\n");
  const endsWithLine = now.at(-1) === "";
  if (endsWithLine) now.pop();
  const lines: PatchLine[] = [];
  let oldLine = 1;
  let newLine = 1;
  const fill = (until: number): boolean => {
    for (; newLine < until; newLine++, oldLine++) {
      const own = now[newLine - 1];
      if (own === undefined) return false;
      const noNewline = newLine === now.length && !endsWithLine;
      lines.push({ kind: "context", oldLine, newLine, text: own, noNewline });
    }
    return true;
  };
  for (const hunk of file.hunks) {
    if (!fill(startOf(hunk.header))) return null;
    for (const line of hunk.lines) {
      if (line.newLine !== null && (line.newLine !== newLine || now[newLine - 1] !== line.text)) return null;
      if (line.oldLine !== null && line.oldLine !== oldLine) return null;
      lines.push(line);
      if (line.newLine !== null) newLine++;
      if (line.oldLine !== null) oldLine++;
    }
  }
  if (!fill(now.length + 1)) return null;
  const header = `@@ -${range(1, oldLine - 1)} +${range(1, newLine - 1)} @@`;
  return { ...file, hunks: [{ header, section: "", lines }] };
};
