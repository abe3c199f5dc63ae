import type { FileEntry } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { changesByPath, type Loaded, stepOf, type TreeRow, toRows } from "./tree.ts";

const entry = (name: string, kind: FileEntry["kind"] = "file"): FileEntry => ({ name, kind, bytes: null, target: null });
const folders: Record<string, Loaded> = {
  "": {
    state: "loaded",
    listing: { entries: [entry("src", "folder"), entry("empty", "folder"), entry("a%25.md")], truncated: true },
  },
  src: { state: "loaded", listing: { entries: [entry("deep", "folder"), entry("main.ts")], truncated: false } },
  "src/deep": { state: "failed", problem: "The sandbox cannot be reached." },
  empty: { state: "loaded", listing: { entries: [], truncated: false } },
};
const rowsWith = (...open: string[]) =>
  toRows({
    loaded: (folder) => folders[folder] ?? { state: "loading" },
    isOpen: (folder) => open.includes(folder),
    changes: changesByPath([
      { path: "a%.md", oldPath: null, status: "modified", additions: 1, deletions: 0 },
      { path: "src/deep/x", oldPath: null, status: "added", additions: 1, deletions: 0 },
    ]),
  });
const shown = (rows: readonly TreeRow[]) =>
  rows.map(
    (row) =>
      `${"  ".repeat(row.depth)}${row.kind === "entry" ? `${row.path}${row.change === null ? "" : ` ${row.change}`}` : `(${row.text})`}`,
  );

describe("a tree", () => {
  test("shows what is in open folders, and says what is not there", () => {
    expect(shown(rowsWith("src", "src/deep", "empty"))).toEqual([
      "src inside",
      "  src/deep inside",
      "    (The sandbox cannot be reached.)",
      "  src/main.ts",
      "empty",
      "  (Empty)",
      "a%25.md modified",
      "(There are more, which are not shown.)",
    ]);
    expect(shown(rowsWith())).toHaveLength(4);
  });

  test("is walked by the keys of trees", () => {
    const rows = rowsWith("src");
    expect(stepOf("ArrowRight", { rows, index: 0 })).toEqual({ to: 1 });
    expect(stepOf("ArrowLeft", { rows, index: 0 })).toEqual({ open: false });
    expect(stepOf("ArrowRight", { rows, index: 1 })).toEqual({ open: true });
    expect(stepOf("ArrowLeft", { rows, index: 2 })).toEqual({ to: 0 });
    expect(stepOf("ArrowDown", { rows, index: rows.length - 1 })).toEqual({ to: rows.length - 1 });
    expect(stepOf("End", { rows, index: 0 })).toEqual({ to: rows.length - 1 });
    expect(stepOf("x", { rows, index: 0 })).toBeNull();
  });
});
