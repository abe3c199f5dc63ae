import { expect, test } from "vitest";
import { treeRows } from "./tree-rows.ts";

const drawn = (value: unknown) =>
  treeRows(value)?.map(({ depth, key, text, kind }) => `${"  ".repeat(depth)}${key ?? "-"}: ${text} (${kind})`) ?? null;

test("names and values stand in lines, what is inside of a thing one step deeper", () => {
  expect(
    drawn({ title: "One", labels: ["a", 2], team: { key: "ENG", empty: "" }, list: [{ a: 1 }], none: null, no: [], on: true }),
  ).toEqual([
    "title: One (text)",
    "labels: a, 2 (text)",
    "team:  (group)",
    "  key: ENG (text)",
    "  empty: empty text (none)",
    "list: 1 item (group)",
    "  1:  (group)",
    "    a: 1 (number)",
    "none: none (none)",
    "no: empty list (none)",
    "on: true (word)",
  ]);
  expect(drawn("alone")).toEqual(["-: alone (text)"]);
  expect(drawn({})).toEqual(["-: nothing (none)"]);
});

test("what is too large or too deep is no tree", () => {
  expect(drawn(Array.from({ length: 500 }, (_, a) => ({ a })))).toBeNull();
  const deep = JSON.parse(`${'{"a":'.repeat(50)}1${"}".repeat(50)}`);
  expect(drawn(deep)).toBeNull();
});
