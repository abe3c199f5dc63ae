import { RunId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { fileUrl, showing, toContent } from "./content.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("the content of a file", () => {
  test("is its lines, whatever ends them, and whether the last one ends", () => {
    const read = (text: string) => ({ kind: "text", text, ...linesOf.get(text) });
    const linesOf = new Map([
      ["a\r\nb\n\nc", { lines: ["a", "b", "", "c"], endsWithLine: false }],
      ["a\n", { lines: ["a"], endsWithLine: true }],
      ["\ufeffa\n", { lines: ["a"], endsWithLine: true }],
      ["", { lines: [], endsWithLine: false }],
    ]);
    for (const text of linesOf.keys()) expect(toContent(bytes(text))).toEqual(read(text));
  });

  test("is no text when there is a NUL in it", () => {
    expect(toContent(Uint8Array.of(0x7f, 0x45, 0, 1))).toEqual({ kind: "binary" });
    expect(toContent(Uint8Array.of(0xff, 0xfe, 0x41)).kind).toBe("text");
  });

  test("is shown by its kind and size, and an SVG as the text that it is", () => {
    expect(showing("a/b.PNG", 10)).toBe("image");
    expect(showing("a.svg", 10)).toBe("text");
    expect(showing("a.ts", null)).toBe("text");
    expect(showing("a.ts", 3_000_000)).toBe("too_large");
    expect(showing("a.png", 30_000_000)).toBe("too_large");
  });

  test("has an address that names it alone", () => {
    const id = RunId.parse("run_0123456789");
    expect(fileUrl(id, "a b/c&as=image#x%25", true)).toBe(
      "/runs/run_0123456789/file?path=a%20b%2Fc%26as%3Dimage%23x%2525&as=image",
    );
  });
});
