import { expect, test } from "vitest";
import type { ToolEntry } from "../entries/entry.ts";
import { editDiff } from "./tool-diff.ts";

const call = (name: string, input: ToolEntry["input"], structured?: unknown): ToolEntry => ({
  kind: "tool",
  key: "1",
  seq: 1,
  at: "2026-11-22T20:00:00.000Z",
  toolUseId: "t",
  name,
  input,
  about: null,
  children: [],
  progress: null,
  task: null,
  denied: null,
  title: null,
  result:
    structured === undefined
      ? null
      : {
          seq: 2,
          at: "2026-11-22T20:00:01.000Z",
          text: "",
          isError: false,
          interrupted: false,
          images: [],
          others: [],
          structured,
        },
});
const shown = (entry: ToolEntry) =>
  editDiff(entry).map(({ kind, oldLine, newLine, text }) => `${kind[0]}${oldLine ?? ""}:${newLine ?? ""} ${text}`);

test("an edit that goes on is numbered from 1", () => {
  expect(shown(call("Edit", { old_string: "a\nb", new_string: "a\nc" }))).toEqual(["c1:1 a", "r2: b", "a:2 c"]);
});

test("an edit that is done has the file's own numbers", () => {
  const structuredPatch = [{ oldStart: 40, newStart: 41, lines: [" a", "-b", "+c", "\\ No newline at end of file"] }];
  expect(shown(call("Edit", { old_string: "b", new_string: "c" }, { structuredPatch }))).toEqual([
    "c40:41 a",
    "r41: b",
    "a:42 c",
  ]);
});

test("a new file, several edits, and input of a wrong shape", () => {
  expect(shown(call("Write", { content: "x\ny" }))).toEqual(["a:1 x", "a:2 y"]);
  expect(
    shown(call("MultiEdit", { edits: [{ old_string: "a", new_string: "b" }, 7, { old_string: "c", new_string: "" }] })),
  ).toEqual(["r1: a", "a:1 b", "r1: c"]);
  expect(shown(call("Edit", { old_string: 7 }, { structuredPatch: "x" }))).toEqual([]);
});

test("a file that is written as it was has no difference, and a new one only lines that are added", () => {
  expect(shown(call("Write", { content: "a\n" }, { type: "update", structuredPatch: [] }))).toEqual([]);
  expect(shown(call("Write", { content: "a\n" }, { type: "create", structuredPatch: [] }))).toEqual(["a:1 a"]);
});

test("an edit of a notebook shows its cell alone", () => {
  const input = { cell_id: "c", new_source: "x = 2\ny" };
  expect(shown(call("NotebookEdit", input, { old_source: "x = 1\ny", new_source: "x = 2\ny" }))).toEqual([
    "r1: x = 1",
    "a:1 x = 2",
    "c2:2 y",
  ]);
  expect(shown(call("NotebookEdit", { ...input, edit_mode: "delete" }, { old_source: "x", new_source: "" }))).toEqual(["r1: x"]);
  expect(shown(call("NotebookEdit", { ...input, edit_mode: "insert" }))).toEqual(["a:1 x = 2", "a:2 y"]);
});
