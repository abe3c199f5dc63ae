import { describe, expect, test } from "vitest";
import { createMask } from "./mask.ts";

const SECRET = "sk-secret-0-sk-x";
const through = (chunks: string[]): string => {
  const mask = createMask(SECRET);
  return Buffer.concat([...chunks.map((chunk) => mask.push(Buffer.from(chunk))), mask.end()]).toString();
};

describe("createMask", () => {
  test("replaces the secret byte by byte, wherever a stream is cut", () => {
    const text = `a ${SECRET} b ${SECRET}${SECRET} sk-secret- c sk-secret-0-sk-`;
    const expected = text.replaceAll(SECRET, "*".repeat(SECRET.length));
    expect(expected).not.toContain(SECRET);
    for (let first = 0; first <= text.length; first += 1) {
      for (let second = first; second <= text.length; second += 7) {
        expect(through([text.slice(0, first), text.slice(first, second), text.slice(second)])).toBe(expected);
      }
    }
    expect(through([...text])).toBe(expected);
  });

  test("passes everything else on at once and unchanged", () => {
    const mask = createMask(SECRET);
    const chunk = Buffer.from([0, 255, 10, 200]);
    expect(mask.push(chunk)).toBe(chunk);
    expect(mask.push(Buffer.from("data: sk-secre")).toString()).toBe("data: ");
    expect(mask.push(Buffer.from("!\n\n")).toString()).toBe("sk-secre!\n\n");
    expect(mask.end()).toHaveLength(0);
  });

  test("leaves a short word alone, which is no secret", () => {
    expect(createMask("demo").push(Buffer.from("a demo")).toString()).toBe("a demo");
  });

  test("does not change the buffer that it was given", () => {
    const chunk = Buffer.from(`x${SECRET}y`);
    createMask(SECRET).push(chunk);
    expect(chunk.toString()).toBe(`x${SECRET}y`);
  });
});
