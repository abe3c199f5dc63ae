import { expect, test } from "vitest";
import { beginningOf } from "./beginning.ts";

test("a text that is short enough is not cut", () => {
  expect(beginningOf("One line.\nAnother.")).toBeNull();
});

test("a long text is cut between lines, or between words, or anywhere where there is neither", () => {
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`).join("\n");
  expect(beginningOf(lines)).toMatch(/^line 0\n.*\nline 15$/s);
  expect(beginningOf("word ".repeat(1000))).toMatch(/^(word )+word$/);
  expect(beginningOf("x".repeat(5000))).toBe("x".repeat(1200));
});
