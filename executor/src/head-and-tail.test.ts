import { describe, expect, it } from "vitest";
import { HeadAndTail } from "./head-and-tail.ts";

const feed = (text: string, chunk: number, part: number) => {
  const output = new HeadAndTail(part);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) output.add(bytes.subarray(at, at + chunk));
  return output.finish();
};

describe("HeadAndTail", () => {
  it("keeps everything that fits, to the byte", () => {
    for (const chunk of [1, 7, 100])
      expect(feed("x".repeat(200), chunk, 100)).toEqual({ text: "x".repeat(200), truncated: false });
    expect(feed("", 1, 100)).toEqual({ text: "", truncated: false });
  });

  it("keeps the beginning and the end of what does not fit, and counts what is missing", () => {
    const text = `${"a".repeat(100)}${"b".repeat(50_000)}${"c".repeat(100)}`;
    for (const chunk of [1, 64, 1000, 60_000]) {
      expect(feed(text, chunk, 100)).toEqual({
        text: `${"a".repeat(100)}\n[… 50000 bytes were cut out here …]\n${"c".repeat(100)}`,
        truncated: true,
      });
    }
  });

  it("does not cut a character in two", () => {
    for (let part = 20; part < 28; part += 1) {
      const { text, truncated } = feed("é€😀".repeat(100), 5, part);
      expect(truncated).toBe(true);
      expect(text).not.toContain("\ufffd");
    }
  });
});
