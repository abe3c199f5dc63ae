import { RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { durationMsOf, patternsOf, searchTextOf } from "./run-text.ts";

const row = {
  id: RunId.parse("run_0123456789"),
  task_name: "Füge  EINE Übersicht hinzu",
  steps: JSON.stringify([{ instructions: 'Write "hello"\nto a file', checks: "$ npm test" }]),
  repository: "ada/Engine",
  ref: "main",
  additional: null,
  sentence: "A check did not pass.",
};

test("a run is found by all that names it, in whatever case", () => {
  const { text, ending } = searchTextOf(row);
  for (const word of ["füge eine übersicht", "ada/engine", "main", "run_0123456789", 'write "hello" to a file', "$ npm test"])
    expect(text).toContain(word);
  expect(ending).toBe("a check did not pass.");
});

test("long instructions are kept at their beginning, and no half character is", () => {
  const { text } = searchTextOf({
    ...row,
    task_name: "",
    steps: JSON.stringify([{ instructions: "🎉".repeat(10_000), checks: "" }]),
  });
  expect(text.length).toBeLessThanOrEqual(4000);
  expect(text).not.toMatch(/[\ud800-\udbff]$/);
});

test("words are looked for one by one, and signs with a meaning in patterns stand for themselves", () => {
  expect(patternsOf("  Fix  100%\tfix ")).toEqual(["%fix%", "%100\\%%"]);
  expect(patternsOf("a_b\\c")).toEqual(["%a\\_b\\\\c%"]);
  expect(patternsOf(" ")).toEqual([]);
  expect(patternsOf("a b c d e f g h i j")).toHaveLength(8);
});

test("a run took as long as from its start to its end, and one that never began from its launch", () => {
  const at = {
    created_at: "2026-01-01T00:00:00.000Z",
    started_at: "2026-01-01T00:00:10.000Z",
    ended_at: "2026-01-01T00:01:00.000Z",
  };
  expect(durationMsOf(at)).toBe(50_000);
  expect(durationMsOf({ ...at, started_at: null })).toBe(60_000);
  expect(durationMsOf({ ...at, ended_at: "2025-01-01T00:00:00.000Z" })).toBe(0);
});
