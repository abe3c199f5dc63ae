import { describe, expect, it } from "vitest";
import { portions } from "./portions.ts";

const collect = async <Item>(source: AsyncIterable<Item>): Promise<Item[]> => {
  const all: Item[] = [];
  for await (const item of source) all.push(item);
  return all;
};

describe("portions", () => {
  it("gives every item once and in order, whatever the consumer's pace", async () => {
    async function* source() {
      for (let i = 0; i < 2000; i++) {
        if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
        yield i;
      }
    }
    const seen: number[] = [];
    let count = 0;
    for await (const portion of portions(source(), () => 1)) {
      count++;
      expect(portion.length).toBeLessThanOrEqual(256);
      seen.push(...portion);
      if (count % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(count).toBeLessThan(1000);
  });

  it("does not pull more than a portion ahead of a consumer that waits", async () => {
    let pulled = 0;
    async function* source() {
      for (;;) yield pulled++;
    }
    const iterator = portions(source(), () => 1)[Symbol.asyncIterator]();
    await iterator.next();
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(pulled).toBeLessThanOrEqual(2 * 256 + 2);
    await iterator.return(undefined);
  });

  it("gives what came before an error, then the error", async () => {
    async function* source() {
      yield 1;
      yield 2;
      throw new Error("cut");
    }
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const portion of portions(source(), () => 1)) seen.push(...portion);
      })(),
    ).rejects.toThrow("cut");
    expect(seen).toEqual([1, 2]);
  });

  it("ends with an empty source", async () => {
    async function* source(): AsyncGenerator<number> {}
    expect(await collect(portions(source(), () => 1))).toEqual([]);
  });
});
