import { expect, it } from "vitest";
import { RowHeights } from "./row-heights.ts";

it("knows where each of many rows begins, and which row is where, through every kind of change", () => {
  const heights = new RowHeights();
  let plain: number[] = [];
  const check = (): void => {
    let offset = 0;
    for (const [index, height] of plain.entries()) {
      if (index % 37 === 0 || index > plain.length - 3) {
        expect(heights.offsetOf(index)).toBe(offset);
        expect(heights.indexAt(offset)).toBe(index);
        expect(heights.indexAt(offset + height - 1)).toBe(index);
      }
      offset += height;
    }
    expect([heights.count, heights.total, heights.offsetOf(plain.length)]).toEqual([plain.length, offset, offset]);
  };
  for (let index = 0; index < 1000; index += 1) {
    heights.append(10 + (index % 7));
    plain.push(10 + (index % 7));
  }
  check();
  for (let index = 0; index < 1000; index += 13) {
    expect(heights.set(index, 200)).toBe(true);
    plain[index] = 200;
  }
  expect(heights.set(0, 200)).toBe(false);
  check();
  for (const count of [999, 513, 512, 128, 1]) {
    heights.truncate(count);
    plain = plain.slice(0, count);
    check();
  }
  heights.append(5);
  plain.push(5);
  check();
});

it("gives the first or last row for places outside", () => {
  const heights = new RowHeights();
  expect(heights.indexAt(10)).toBe(0);
  for (const height of [10, 20, 30]) heights.append(height);
  expect([-50, 0, 9, 10, 59, 60, 999].map((offset) => heights.indexAt(offset))).toEqual([0, 0, 0, 1, 2, 2, 2]);
});
