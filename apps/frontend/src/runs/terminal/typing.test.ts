import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createTyping, firstPart, type Sent } from "./typing.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = () => {
  const sent: [number, string][] = [];
  const answers: ((sent: Sent) => void)[] = [];
  const onRefused = vi.fn();
  const typing = createTyping({
    send: (n, text) => {
      sent.push([n, text]);
      return new Promise((resolve) => answers.push(resolve));
    },
    onRefused,
  });
  const answer = async (how: Sent): Promise<void> => {
    answers.shift()?.(how);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { sent, typing, answer, onRefused };
};

describe("what is typed", () => {
  test("goes one request after the other, in its order, and together when it comes meanwhile", async () => {
    const { sent, typing, answer } = open();
    for (const key of "abc") typing.type(key);
    expect(sent).toEqual([[1, "a"]]);
    await answer("taken");
    expect(sent).toEqual([
      [1, "a"],
      [2, "bc"],
    ]);
    await answer("taken");
    typing.type("d");
    expect(sent.at(-1)).toEqual([3, "d"]);
  });

  test("is sent again under its number until it is answered, and what follows waits for it", async () => {
    const { sent, typing, answer } = open();
    typing.type("a");
    await answer("again");
    typing.type("b");
    expect(sent).toEqual([[1, "a"]]);
    await vi.advanceTimersByTimeAsync(250);
    expect(sent.at(-1)).toEqual([1, "a"]);
    await answer("taken");
    expect(sent.at(-1)).toEqual([2, "b"]);
  });

  test("ends where nothing can be typed, and after the end", async () => {
    const { sent, typing, answer, onRefused } = open();
    typing.type("a");
    typing.type("b");
    await answer("refused");
    expect(onRefused).toHaveBeenCalledOnce();
    expect(sent).toHaveLength(1);
    const other = open();
    other.typing.type("a");
    await other.answer("again");
    other.typing.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(other.sent).toHaveLength(1);
  });

  test("is cut where it is too long, and never within a character", () => {
    expect(firstPart("abcdef", 4)).toBe("abcd");
    expect(firstPart("abc🙂f", 4)).toBe("abc");
    expect(firstPart("abc🙂f", 5)).toBe("abc🙂");
  });
});
