import type { ShellEvent } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { initialPosition, type Position, takeEvent } from "./position.ts";

const output = (at: number, text: string): ShellEvent => ({ type: "output", at, data: btoa(text) });
const attached = (begin: number, end: number): ShellEvent => ({ type: "attached", cols: 80, rows: 24, begin, end });

const play = (events: readonly ShellEvent[], from: Position = initialPosition) => {
  let position = from;
  const shown: { text: string; isHistory: boolean; leftOut: number }[] = [];
  for (const event of events) {
    const taken = takeEvent(position, event);
    position = taken.position;
    if (taken.output !== null) {
      const { bytes, ...rest } = taken.output;
      shown.push({ text: new TextDecoder().decode(bytes), ...rest });
    }
  }
  return { position, shown };
};

describe("a reader of a shell", () => {
  test("is shown each byte once, whatever is sent again", () => {
    const { shown, position } = play([attached(0, 0), output(0, "abc"), output(1, "bcd"), output(0, "abcd"), output(4, "e")]);
    expect(shown.map(({ text }) => text)).toEqual(["abc", "d", "e"]);
    expect(position.next).toBe(5);
  });

  test("knows what was printed before it came", () => {
    const { shown, position } = play([attached(0, 3), output(0, "abc"), output(3, "d")]);
    expect(shown.map(({ isHistory }) => isHistory)).toEqual([true, false]);
    const again = play([attached(0, 6), output(4, "ef"), output(6, "g")], position);
    expect(again.shown).toEqual([
      { text: "ef", isHistory: true, leftOut: 0 },
      { text: "g", isHistory: false, leftOut: 0 },
    ]);
  });

  test("is told what is not kept, and begins with a whole line", () => {
    const { shown, position } = play([attached(1000, 1012), output(1000, "1;31mx\nabcde")]);
    expect(shown).toEqual([{ text: "abcde", isHistory: true, leftOut: 1000 }]);
    expect(position.next).toBe(1012);
  });
});
