import type { PatchFile, PatchLine } from "./patch.ts";

/** One line of the list that is drawn. All are of one height. */
export type ChangeRow =
  | { kind: "file"; file: PatchFile; index: number; open: boolean }
  | { kind: "hunk"; text: string; section: string }
  | { kind: "line"; line: PatchLine }
  | { kind: "note"; text: string }
  | { kind: "gap" };

/** Files with more changed lines than this are closed until they are asked for. */
export const LARGE_FILE_LINES = 2000;
/** What goes on longer is cut: nobody reads it, and one such line would make the whole list as wide. */
const LINE_MAX = 2000;

export const isOpenAtFirst = ({ additions, deletions }: PatchFile): boolean => additions + deletions <= LARGE_FILE_LINES;

const notesOf = (file: PatchFile): string[] => {
  const notes: string[] = [];
  if (file.oldPath !== null) notes.push(`${file.status === "copied" ? "Copied" : "Renamed"} from ${file.oldPath}`);
  if (file.oldMode !== null && file.newMode !== null) notes.push(`Mode changed from ${file.oldMode} to ${file.newMode}`);
  if (file.binary) notes.push("A binary file: its content is not shown");
  if (notes.length === 0 && file.hunks.length === 0) notes.push("The file is empty");
  return notes;
};

const cut = (line: PatchLine): PatchLine =>
  line.text.length > LINE_MAX
    ? { ...line, text: `${line.text.slice(0, LINE_MAX)} … (${line.text.length - LINE_MAX} more characters)` }
    : line;

/** The files as rows, in order; `starts` has the row at which each file begins. */
export const toChangeRows = (
  files: readonly PatchFile[],
  isOpen: (file: PatchFile) => boolean,
): { rows: readonly ChangeRow[]; starts: readonly number[]; longestLine: number } => {
  const rows: ChangeRow[] = [];
  const starts: number[] = [];
  let longestLine = 0;
  for (const [index, file] of files.entries()) {
    starts.push(rows.length);
    const open = isOpen(file);
    rows.push({ kind: "file", file, index, open });
    if (open) {
      for (const text of notesOf(file)) rows.push({ kind: "note", text });
      for (const { header, section, lines } of file.hunks) {
        rows.push({ kind: "hunk", text: header, section });
        for (const line of lines) {
          const shown = cut(line);
          // A tab is up to four columns wide.
          longestLine = Math.max(longestLine, shown.text.length + 3 * (shown.text.split("\t").length - 1));
          rows.push({ kind: "line", line: shown });
        }
      }
    }
    rows.push({ kind: "gap" });
  }
  return { rows, starts, longestLine };
};

/** A changed file in a list; `path` is the one in its repository, and `index` its place among all. */
type ListedFile = { file: PatchFile; index: number; path: string };

/** The files by the folders of their repositories, in order; all together, without one, when the run has a single repository. Pure. */
export const groupByFolder = (
  files: readonly PatchFile[],
  hasFolders: boolean,
): { folder: string | null; entries: ListedFile[] }[] => {
  if (!hasFolders) return [{ folder: null, entries: files.map((file, index) => ({ file, index, path: file.path })) }];
  const groups = new Map<string, ListedFile[]>();
  for (const [index, file] of files.entries()) {
    const [folder = "", ...rest] = file.path.split("/");
    const entries = groups.get(folder) ?? [];
    groups.set(folder, entries);
    entries.push({ file, index, path: rest.join("/") });
  }
  return [...groups].map(([folder, entries]) => ({ folder, entries }));
};
