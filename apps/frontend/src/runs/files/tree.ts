import type { FileChange, FileEntry, FolderListing } from "@ccr/protocol";
import { shownName } from "./names.ts";

/** What is known of a folder. */
export type Loaded = { state: "loading" } | { state: "failed"; problem: string } | { state: "loaded"; listing: FolderListing };

export type TreeRow =
  | { kind: "entry"; path: string; entry: FileEntry; depth: number; isOpen: boolean; change: Change | null }
  /** In the place of what is not there: `folder` is the one that it is about. */
  | { kind: "note"; folder: string; depth: number; text: string; canRetry: boolean };

export type Change = FileChange["status"] | "inside";

/** The rows of a tree as far as its folders are open. Pure. */
export const toRows = (options: {
  loaded: (folder: string) => Loaded;
  isOpen: (folder: string) => boolean;
  changes: ReadonlyMap<string, Change>;
}): TreeRow[] => {
  const { loaded, isOpen, changes } = options;
  const rows: TreeRow[] = [];
  const add = (folder: string, depth: number): void => {
    const note = (text: string, canRetry = false) => rows.push({ kind: "note", folder, depth, text, canRetry });
    const found = loaded(folder);
    if (found.state === "loading") return void note("Loading…");
    if (found.state === "failed") return void note(found.problem, true);
    for (const entry of found.listing.entries) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const open = entry.kind === "folder" && isOpen(path);
      rows.push({ kind: "entry", path, entry, depth, isOpen: open, change: changes.get(shownName(path)) ?? null });
      if (open) add(path, depth + 1);
    }
    if (found.listing.entries.length === 0) note("Empty");
    if (found.listing.truncated) note("There are more, which are not shown.");
  };
  add("", 0);
  return rows;
};

/** What is to be marked: changed files, and the folders in which there are some. Pure. */
export const changesByPath = (files: readonly FileChange[]): Map<string, Change> => {
  const changes = new Map<string, Change>();
  for (const { path, status } of files) {
    changes.set(path, status);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      if (changes.has(folder)) break;
      changes.set(folder, "inside");
    }
  }
  return changes;
};

/** Where a key leads from a row of the tree: to another row, or it opens or closes this one. Pure. */
export const stepOf = (
  key: string,
  { rows, index }: { rows: readonly TreeRow[]; index: number },
): { to: number } | { open: boolean } | null => {
  const row = rows[index];
  if (row === undefined) return null;
  const isFolder = row.kind === "entry" && row.entry.kind === "folder";
  const isOpen = row.kind === "entry" && row.isOpen;
  switch (key) {
    case "ArrowDown":
      return { to: Math.min(rows.length - 1, index + 1) };
    case "ArrowUp":
      return { to: Math.max(0, index - 1) };
    case "Home":
      return { to: 0 };
    case "End":
      return { to: rows.length - 1 };
    case "ArrowRight":
      if (!isFolder) return null;
      return isOpen ? { to: Math.min(rows.length - 1, index + 1) } : { open: true };
    case "ArrowLeft": {
      if (isOpen) return { open: false };
      const above = rows.slice(0, index).findLastIndex(({ depth }) => depth < row.depth);
      return above === -1 ? null : { to: above };
    }
    default:
      return null;
  }
};
