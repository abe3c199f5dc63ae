import { type Place, placeOf } from "./comments.ts";
import type { PatchFile, PatchLine } from "./patch.ts";
import type { ShownFile } from "./shown.ts";

/** Where a walk by keys is: the file, and the place of the line among its lines; between two of them where no line is chosen. */
export type Step = { file: number; line: number };
/** A line that can be seen. */
export type LineInView = { id: string; at: Place };
/** Lines of one file that are chosen; `one` is where the choice began. */
export type Chosen = { id: string; one: Place; other: Place };

const linesOf = ({ hunks }: PatchFile): PatchLine[] => hunks.flatMap(({ lines }) => lines);

/** The first lines of the blocks of changed lines of a file. Pure. */
export const changesOf = (file: PatchFile): number[] => {
  const starts: number[] = [];
  let at = 0;
  for (const { lines } of file.hunks) {
    for (const [index, { kind }] of lines.entries())
      if (kind !== "context" && (index === 0 || lines[index - 1]?.kind === "context")) starts.push(at + index);
    at += lines.length;
  }
  return starts;
};

const findPlace = (file: PatchFile, { side, line: number }: Place): number =>
  linesOf(file).findIndex(({ oldLine, newLine }) => (side === "old" ? oldLine : newLine) === number);

/**
 * Where the walk stands: at the end of what is chosen, unless that was scrolled away, then before the first line that is seen; where none is,
 * before the first line of the file in view. Pure.
 */
export const stepOf = (
  files: readonly ShownFile[],
  chosen: Chosen | null,
  view: { file: string | null; lines: readonly LineInView[] },
): Step => {
  const isSeen = view.lines.some(
    ({ id, at }) => id === chosen?.id && at.line === chosen.other.line && at.side === chosen.other.side,
  );
  const [first] = view.lines;
  const isAtChosen = chosen !== null && (isSeen || first === undefined);
  const id = isAtChosen ? chosen.id : (first?.id ?? view.file);
  const file = Math.max(
    0,
    files.findIndex((shown) => shown.id === id),
  );
  const lines = files[file]?.file;
  if (lines !== undefined && isAtChosen) return { file, line: findPlace(lines, chosen.other) };
  return { file, line: (lines === undefined || first === undefined ? 0 : findPlace(lines, first.at)) - 0.5 };
};

/** The next or previous block of changed lines, in the next file where this one has no more; null at the end. Pure. */
export const nextChange = (files: readonly ShownFile[], from: Step, direction: 1 | -1): Step | null => {
  for (let file = from.file; file >= 0 && file < files.length; file += direction) {
    const shown = files[file];
    if (shown === undefined) return null;
    const starts = changesOf(shown.file);
    const isHere = file === from.file;
    const line =
      direction === 1
        ? starts.find((start) => !isHere || start > from.line)
        : starts.findLast((start) => !isHere || start < from.line);
    if (line !== undefined) return { file, line };
  }
  return null;
};

/** The line below or above, within its file; null at its end. Pure. */
export const nextLine = (files: readonly ShownFile[], from: Step, direction: 1 | -1): Step | null => {
  const shown = files[from.file];
  const line = direction === 1 ? Math.floor(from.line) + 1 : Math.ceil(from.line) - 1;
  return shown !== undefined && line >= 0 && line < linesOf(shown.file).length ? { file: from.file, line } : null;
};

/** What is chosen when a walk comes to a line; `from` keeps where it began. Null: there is no such line. Pure. */
export const chooseLine = (files: readonly ShownFile[], step: Step, from: Chosen | null): Chosen | null => {
  const shown = files[step.file];
  const line = shown === undefined ? undefined : linesOf(shown.file)[step.line];
  if (shown === undefined || line === undefined) return null;
  const other = placeOf(line);
  return { id: shown.id, one: from?.id === shown.id ? from.one : other, other };
};

/** A line in words, to be read out. Pure. */
export const tellLine = (files: readonly ShownFile[], { file, line: at }: Step): string => {
  const shown = files[file];
  const line = shown === undefined ? undefined : linesOf(shown.file)[at];
  if (line === undefined) return "";
  const { side, line: number } = placeOf(line);
  const kind = line.kind === "context" ? "unchanged" : line.kind;
  return `${side === "old" ? "Old line" : "Line"} ${number}, ${kind}: ${line.text.trim() === "" ? "blank" : line.text.slice(0, 300)}`;
};
