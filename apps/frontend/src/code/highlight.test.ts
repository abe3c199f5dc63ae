import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HIGHLIGHT_MAX, type HighlightedLines, Highlighter } from "./highlight.ts";
import type { HighlightAnswer, HighlightRequest } from "./highlight-worker.ts";

/** A worker that answers when the test says so. */
class HeldWorker extends EventTarget implements Worker {
  readonly asked: string[] = [];
  ended = false;
  onmessage = null;
  onmessageerror = null;
  onerror = null;
  postMessage({ code }: HighlightRequest): void {
    this.asked.push(code);
  }
  terminate(): void {
    this.ended = true;
  }
  answer(data: HighlightAnswer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

const stage = () => {
  const workers: HeldWorker[] = [];
  const highlighter = new Highlighter(() => {
    const worker = new HeldWorker();
    workers.push(worker);
    return worker;
  });
  const told: Record<string, HighlightedLines | null> = {};
  const ask = (code: string) => highlighter.ask(code, "typescript", (lines) => Object.assign(told, { [code]: lines }));
  return { highlighter, workers, told, ask };
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("colours one text at a time, the newest wish first, and remembers each by its content", () => {
  const { highlighter, workers, told, ask } = stage();
  for (const code of ["one", "two", "three"]) ask(code);
  expect(workers[0]?.asked).toEqual(["one"]);
  workers[0]?.answer({ lines: [[3, 1]] });
  expect(workers[0]?.asked).toEqual(["one", "three"]);
  expect(told).toEqual({ one: [[{ text: "one", kind: "comment" }]] });
  expect(highlighter.peek("one", "typescript")).toEqual(told.one);
  expect(highlighter.peek("one", "python")).toBeUndefined();
  expect(workers).toHaveLength(1);
});

test("does not colour what nobody waits for any more", () => {
  const { workers, told, ask } = stage();
  ask("one");
  const takeBack = ask("two");
  ask("three");
  takeBack();
  workers[0]?.answer({ lines: [[3, 0]] });
  workers[0]?.answer({ lines: [[5, 0]] });
  expect(workers[0]?.asked).toEqual(["one", "three"]);
  expect(Object.keys(told)).toEqual(["one", "three"]);
});

test("gives up a text that takes too long, for good, and goes on with the next in a new worker", () => {
  const { highlighter, workers, told, ask } = stage();
  ask("evil");
  ask("good");
  vi.advanceTimersByTime(60_000);
  expect(workers[0]?.ended).toBe(true);
  expect(told.evil).toBeNull();
  expect(highlighter.peek("evil", "typescript")).toBeNull();
  expect(workers[1]?.asked).toEqual(["good"]);
});

test("asks again for what could not be fetched, and never for what is too long", () => {
  const { highlighter, workers, told, ask } = stage();
  ask("one");
  workers[0]?.answer({ lines: null });
  expect(told.one).toBeNull();
  expect(highlighter.peek("one", "typescript")).toBeUndefined();
  expect(highlighter.peek("x".repeat(HIGHLIGHT_MAX + 1), "typescript")).toBeNull();
});

test("remembers the newest texts only", () => {
  const { highlighter, workers, ask } = stage();
  const codes = Array.from({ length: 20 }, (_, index) => String(index).padStart(HIGHLIGHT_MAX, "x"));
  for (const code of codes) {
    ask(code);
    workers[0]?.answer({ lines: [[1, 0]] });
  }
  expect(highlighter.peek(codes[0] ?? "", "typescript")).toBeUndefined();
  expect(highlighter.peek(codes[19] ?? "", "typescript")).not.toBeUndefined();
});
