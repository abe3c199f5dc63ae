import { expect, test } from "vitest";
import { parseAnsi, stripAnsi } from "./ansi.ts";

const shown = (output: string) =>
  parseAnsi(output).map(({ text, color, bold, dim }) =>
    [text, color, bold ? "bold" : dim ? "dim" : ""].filter(Boolean).join("|"),
  );

test("keeps colours and weight until they are reset", () => {
  expect(shown("a \u001b[31mred\u001b[1m bold\u001b[0m b\u001b[92m!\u001b[39m.")).toEqual([
    "a ",
    "red|red",
    " bold|red|bold",
    " b",
    "!|green",
    ".",
  ]);
  expect(shown("\u001b[2mfaint\u001b[22m \u001b[mend")).toEqual(["faint|dim", " end"]);
});

test("does not take the arguments of extended colours for codes", () => {
  expect(shown("\u001b[38;5;31mx\u001b[48;2;1;31;2my\u001b[38:5:1mz")).toEqual(["xyz"]);
});

test("takes out cursor moves, titles, links, cut sequences and control characters", () => {
  expect(
    stripAnsi(
      "\u001b[2J\u001b[1;1Ha\u001b]0;title\u0007b\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\\u0000\u0008c\u001b[?25l\u001b(Bd\u009b",
    ),
  ).toBe("ablinkcd");
  expect(stripAnsi("a\u001b[3")).toBe("a");
  expect(stripAnsi("a\u001b]0;never ended")).toBe("a");
});

test("a progress line shows what was written last, and CRLF is a line end", () => {
  expect(stripAnsi("10 %\r50 %\r100 %\nnext\r\nlast\r")).toBe("100 %\nnext\nlast");
});

test("a megabyte of escapes is read in linear time", () => {
  const started = performance.now();
  expect(stripAnsi("\u001b[31mx\u001b[".repeat(200_000))).toBe("x".repeat(200_000));
  expect(stripAnsi(`${"x".repeat(500_000)}\n\r\ry`)).toBe(`${"x".repeat(500_000)}\ny`);
  expect(performance.now() - started).toBeLessThan(3000);
});
