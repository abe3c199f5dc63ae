import { expect, test } from "vitest";
import { diffLines } from "./line-diff.ts";

const shown = (before: string, after: string, context?: number) =>
  diffLines(before, after, context).map(
    ({ kind, oldLine, newLine, text }) =>
      `${{ context: " ", added: "+", removed: "-" }[kind]}${oldLine ?? ""}:${newLine ?? ""} ${text}`,
  );

test("tells changed lines from kept ones, with their numbers", () => {
  expect(shown("a\nb\nc\nd", "a\nx\nc\nd\ne")).toEqual([" 1:1 a", "-2: b", "+:2 x", " 3:3 c", " 4:4 d", "+:5 e"]);
});

test("keeps little around the change", () => {
  expect(shown("1\n2\n3\n4\n5", "1\n2\nX\n4\n5", 1)).toEqual([" 2:2 2", "-3: 3", "+:3 X", " 4:4 4"]);
});

test("nothing before, nothing after, nothing changed", () => {
  expect(shown("", "a\nb")).toEqual(["+:1 a", "+:2 b"]);
  expect(shown("a", "")).toEqual(["-1: a"]);
  expect(shown("a\nb", "a\nb")).toEqual([]);
});

test("the newline at the end of both begins no line; of one alone it is a change", () => {
  expect(shown("", "a\n")).toEqual(["+:1 a"]);
  expect(shown("a\n", "a\nb\n")).toEqual([" 1:1 a", "+:2 b"]);
  expect(shown("a", "a\n")).toEqual([" 1:1 a", "+:2 "]);
});

test("a repeated line is not lost", () => {
  expect(shown("a\na", "a\na\na")).toEqual([" 1:1 a", " 2:2 a", "+:3 a"]);
});

test("huge changes are one replacement, at once", () => {
  const text = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word}${index}`).join("\n");
  const started = performance.now();
  expect(diffLines(text("a"), text("b"))).toHaveLength(40_000);
  expect(performance.now() - started).toBeLessThan(2000);
});
