import { expect, test } from "vitest";
import { parseAnsi, plainStyle, stripAnsi } from "./ansi.ts";
import { lookOfAnsi } from "./ansi-look.ts";

const shown = (output: string) =>
  parseAnsi(output).map(({ text, style: { color, background, bold, dim, italic, underline, strike, inverse } }) =>
    [
      text,
      color === null ? "" : String(color),
      background === null ? "" : `on ${String(background)}`,
      ...Object.entries({ bold, dim, italic, underline, strike, inverse }).map(([name, is]) => (is ? name : "")),
    ]
      .filter((part) => part !== "")
      .join("|"),
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
  expect(shown("\u001b[3;4;9mall\u001b[23;24;29m\u001b[7;42mback\u001b[27;49m.")).toEqual([
    "all|italic|underline|strike",
    "back|on green|inverse",
    ".",
  ]);
});

test("knows the 256 colours and all others, with semicolons and with colons", () => {
  expect(shown("\u001b[38;5;208mx\u001b[48;2;1;31;2my\u001b[0m\u001b[38:5:1mz\u001b[0m\u001b[38:2::9:8:7mw")).toEqual([
    "x|255,135,0",
    "y|255,135,0|on 1,31,2",
    "z|red",
    "w|9,8,7",
  ]);
  expect(shown("\u001b[38;5;232ma\u001b[38;5;255mb\u001b[38;5;999mc\u001b[38;2;999;1;0md\u001b[38me")).toEqual([
    "a|8,8,8",
    "b|238,238,238",
    "c",
    "d|255,1,0",
    "e",
  ]);
});

test("whatever colours a program asks for, its text can be read", () => {
  const looks = ["\u001b[38;5;226m", "\u001b[38;2;0;0;0m", "\u001b[48;5;226;97m", "\u001b[48;2;20;20;20;38;2;30;30;30m"].map(
    (codes) => lookOfAnsi(parseAnsi(`${codes}x`)[0]?.style ?? plainStyle).style,
  );
  expect(looks).toEqual([
    { color: "light-dark(rgb(102 102 0), rgb(255 255 0))" },
    { color: "light-dark(rgb(0 0 0), rgb(153 153 153))" },
    { backgroundColor: "rgb(255 255 0)", color: "rgb(0 0 0)" },
    { backgroundColor: "rgb(20 20 20)", color: "rgb(143 143 143)" },
  ]);
  expect(lookOfAnsi({ ...plainStyle, inverse: true }).className).toBe("bg-ink text-page");
});

test("takes out cursor moves, titles, links, cut sequences and control characters", () => {
  expect(
    stripAnsi(
      "\u001b[2J\u001b[1;1Ha\u001b]0;title\u0007b\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\\u0000c\u001b[?25l\u001b(Bd\u009b",
    ),
  ).toBe("ablinkcd");
  expect(stripAnsi("a\u001b[3")).toBe("a");
  expect(stripAnsi("a\u001b]0;never ended")).toBe("a");
});

test("a progress line shows what was written last, and CRLF is a line end", () => {
  expect(stripAnsi("10 %\r50 %\r100 %\nnext\r\nlast\r")).toBe("100 %\nnext\nlast");
  expect(stripAnsi("\u001b[31mone\u001b[2K\u001b[1Gtwo")).toBe("two");
  expect(shown("\u001b[31mone\rtwo\n")).toEqual(["two\n|red"]);
  expect(stripAnsi("b\bbo\bol\bld\b\b\b\b\b\b!")).toBe("!");
});

test("a megabyte of escapes is read in linear time", () => {
  const started = performance.now();
  expect(stripAnsi("\u001b[31mx\u001b[".repeat(200_000))).toBe("x".repeat(200_000));
  expect(stripAnsi(`${"x".repeat(500_000)}\n\r\ry`)).toBe(`${"x".repeat(500_000)}\ny`);
  expect(performance.now() - started).toBeLessThan(3000);
});
