import { expect, test } from "vitest";
import { OPEN_LINES_MAX, viewOutput } from "./output-lines.ts";

const lines = (count: number): string => Array.from({ length: count }, (_, index) => String(index + 1)).join("\n");

test("a short output is whole, without the empty lines at its end", () => {
  expect(viewOutput(`${lines(14)}\n\n`, false)).toEqual({ head: lines(14), hidden: 0, tail: "", total: 14, isCut: false });
});

test("of a long one the beginning and more of the end are shown", () => {
  expect(viewOutput(lines(100), false)).toEqual({
    head: lines(4),
    hidden: 88,
    tail: "93\n94\n95\n96\n97\n98\n99\n100",
    total: 100,
    isCut: false,
  });
  expect(viewOutput(lines(100), true).hidden).toBe(0);
});

test("an endless output or line stays within bounds also when opened", () => {
  expect(viewOutput(lines(90_000), true).hidden).toBe(90_000 - OPEN_LINES_MAX);
  expect(viewOutput("x".repeat(1_000_000), true).head.length).toBeLessThan(25_000);
});
