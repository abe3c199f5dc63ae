import { type Attention, RunId, type RunStatus } from "@ccr/protocol";
import { expect, test } from "vitest";
import { badgeOf, newsOf, seenOf, wanted, wordsOf } from "./news.ts";

const id = (name: string) => RunId.parse(`run_${name.padStart(10, "0")}`);
const run = (name: string, status: RunStatus) => ({
  id: id(name),
  taskName: `Task ${name}`,
  status,
  title: "Checks failed",
  sentence: "Why.",
});
const ended = (name: string, status: RunStatus, second: number) => ({
  ...run(name, status),
  endedAt: `2026-11-27T10:00:${String(second).padStart(2, "0")}.000Z`,
});
const attention = (given: Partial<Attention> = {}): Attention => ({ waiting: [], ended: [], ...given });
const ids = (news: ReturnType<typeof newsOf>) => news.map(({ id }) => id);

test("how things stand when the page is opened is no news", () => {
  expect(newsOf(null, attention({ waiting: [run("a", "waiting")], ended: [ended("b", "failed", 1)] }))).toEqual([]);
});

test("tells each wait and each end once, the oldest end first", () => {
  const first = attention({ ended: [ended("a", "failed", 1)] });
  const second = attention({
    waiting: [run("w", "waiting")],
    ended: [ended("c", "succeeded", 3), ended("b", "errored", 2), ended("a", "failed", 1)],
  });
  const news = newsOf(seenOf(first), second);
  expect(news.map(({ kind, run: { id } }) => [kind, id])).toEqual([
    ["endedBadly", id("b")],
    ["endedWell", id("c")],
    ["needsYou", id("w")],
  ]);
  expect(newsOf(seenOf(second), second)).toEqual([]);
});

test("a run that waits again is told again, and a person's own cancel is not", () => {
  const waits = attention({ waiting: [run("w", "waiting")] });
  expect(newsOf(seenOf(waits), attention())).toEqual([]);
  expect(ids(newsOf(seenOf(attention()), waits))).toEqual([`waiting ${id("w")}`]);
  expect(newsOf(seenOf(attention()), attention({ ended: [ended("x", "canceled", 1)] }))).toEqual([]);
});

test("an old run that takes the place of a deleted one is no news", () => {
  const before = attention({ ended: [ended("c", "failed", 3), ended("b", "failed", 2)] });
  const after = attention({ ended: [ended("b", "failed", 2), ended("a", "failed", 1)] });
  expect(newsOf(seenOf(before), after)).toEqual([]);
});

test("only what is wanted is told, in words with the task's name", () => {
  const news = newsOf(seenOf(attention()), attention({ waiting: [run("w", "waiting")], ended: [ended("b", "failed", 2)] }));
  const settings = { desktop: true, needsYou: true, endedBadly: false, endedWell: false };
  expect(ids(wanted(news, settings))).toEqual([`waiting ${id("w")}`]);
  expect(wordsOf({ kind: "endedBadly", id: "x", run: run("b", "failed") })).toEqual({
    title: "Ended badly: Task b",
    body: "Checks failed. Why.",
  });
});

test("who waits for a person comes before what ended", () => {
  expect(badgeOf({ waiting: 2, bad: 1 })).toEqual({ prefix: "(2) ", icon: "/icon-waiting.svg" });
  expect(badgeOf({ waiting: 0, bad: 1 }).icon).toBe("/icon-bad.svg");
  expect(badgeOf({ waiting: 0, bad: 0 })).toEqual({ prefix: "", icon: "/icon.svg" });
});
