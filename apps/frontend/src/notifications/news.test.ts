import type { ListedRun, Run } from "@ccr/protocol";
import { expect, test } from "vitest";
import { needsOf } from "../home/needs.ts";
import { batchPlace, listedRun } from "../runs/listed-sample.ts";
import { badgeOf, isOver, newsOf, type Standing, seenOf, wanted, wordsOf } from "./news.ts";

const at = (second: number): string => `2026-11-27T10:00:${String(second).padStart(2, "0")}.000Z`;
const waiting = (n: number): ListedRun => listedRun(n, { status: "waiting" });
const failed = (n: number, patch: Partial<Run> = {}): ListedRun =>
  listedRun(n, { status: "failed", reason: "check_failed", sentence: "Why.", endedAt: at(n), ...patch });
const passed = (n: number): ListedRun =>
  listedRun(n, { status: "succeeded", reason: "passed", sentence: "All passed.", endedAt: at(n) });
const canceled = (n: number): ListedRun =>
  listedRun(n, { status: "canceled", reason: "canceled", sentence: "Canceled.", endedAt: at(n) });
const refused = (n: number, host: string) => ({ ...listedRun(n), refused: { count: 1, hosts: [host], last: 1 } });

/** How things stand, as the server would tell it: what ended badly is among what ended last. */
const standing = ({
  waits = [],
  running = [],
  bad = [],
  others = [],
}: {
  waits?: ListedRun[];
  running?: ReturnType<typeof refused>[];
  bad?: ListedRun[];
  others?: ListedRun[];
} = {}): Standing => ({
  needs: needsOf({ waiting: waits, running, attention: bad }, {}),
  recent: [...bad, ...others].toSorted((one, other) => ((one.endedAt ?? "") < (other.endedAt ?? "") ? 1 : -1)),
});
const ids = (news: ReturnType<typeof newsOf>) => news.map(({ id }) => id);

test("how things stand when the page is opened is no news", () => {
  expect(newsOf(null, standing({ waits: [waiting(1)], bad: [failed(2)] }))).toEqual([]);
});

test("tells all that Home lists as needing somebody once, and what passed: the oldest end first", () => {
  const first = standing({ bad: [failed(1)] });
  const second = standing({
    waits: [waiting(5)],
    running: [refused(6, "example.com")],
    bad: [failed(2), failed(1)],
    others: [passed(3)],
  });
  const news = newsOf(seenOf(first), second);
  expect(news.map(({ kind, taskName }) => [kind, taskName])).toEqual([
    ["endedBadly", "Task 2"],
    ["endedWell", "Task 3"],
    ["needsYou", "Task 5"],
    ["needsYou", "Task 6"],
  ]);
  expect(newsOf(seenOf(second), second)).toEqual([]);
});

test("tells the runs of a batch that ended badly as one thing, as Home does", () => {
  const before = standing();
  const after = standing({ bad: [failed(2, { batch: batchPlace }), failed(1, { batch: batchPlace })] });
  const news = newsOf(seenOf(before), after);
  expect(news.map(wordsOf)).toEqual([{ title: "Ended badly: Task 2", body: "2 runs of one batch ended badly." }]);
  expect(badgeOf(after.needs).prefix).toBe("(1) ");
  expect(newsOf(seenOf(after), standing({ bad: [3, 2, 1].map((n) => failed(n, { batch: batchPlace })) }))).toEqual([]);
});

test("a run that waits again is told again, and a person's own cancel is not", () => {
  const waits = standing({ waits: [waiting(1)] });
  expect(newsOf(seenOf(waits), standing())).toEqual([]);
  expect(ids(newsOf(seenOf(standing()), waits))).toEqual([`waiting ${waiting(1).id}`]);
  expect(newsOf(seenOf(standing()), standing({ others: [canceled(1)] }))).toEqual([]);
});

test("what waited or was refused may be told again when it is over, and an end is told once", () => {
  const now = seenOf(standing({ waits: [waiting(1)] }));
  expect(isOver(`waiting ${waiting(1).id}`, now)).toBe(false);
  expect(isOver(`waiting ${waiting(2).id}`, now)).toBe(true);
  expect(isOver("refused refused example.com", now)).toBe(true);
  expect(isOver(`ended ${failed(2).id}`, now)).toBe(false);
  expect(isOver(`endedWell ${passed(3).id}`, now)).toBe(false);
});

test("an old run that takes the place of one that was dismissed or deleted is no news", () => {
  const before = standing({ bad: [failed(3), failed(2)] });
  expect(newsOf(seenOf(before), standing({ bad: [failed(2), failed(1)], others: [passed(1)] }))).toEqual([]);
});

test("a day's budget that is used up is told once a day, with a run that waits for it", () => {
  const at = (to: string, ...runs: ListedRun[]): Standing => ({
    needs: needsOf(
      {
        ...{ waiting: [], running: [], attention: [] },
        budget: { dayUsd: 20, zone: "UTC", to },
        queued: { total: 2, runs, batches: [] },
      },
      {},
    ),
    recent: [],
  });
  const [first, later] = [at("2026-11-28T00:00:00.000Z", listedRun(1)), at("2026-11-28T00:00:00.000Z", listedRun(2))];
  expect(newsOf(seenOf(standing()), first)).toMatchObject([
    { kind: "needsYou", runId: listedRun(1).id, text: expect.stringContaining("2 queued runs wait: the day's budget of $20") },
  ]);
  expect(newsOf(seenOf(first), later)).toEqual([]);
  expect(newsOf(seenOf(first), at("2026-11-29T00:00:00.000Z", listedRun(1)))).toHaveLength(1);
  expect(newsOf(seenOf(standing()), at("2026-11-28T00:00:00.000Z"))).toEqual([]);
  expect(badgeOf(first.needs)).toEqual({ prefix: "(1) ", icon: "/icon-waiting.svg" });
});

test("only what is wanted is told, in words with the task's name", () => {
  const news = newsOf(seenOf(standing()), standing({ waits: [waiting(1)], bad: [failed(2)] }));
  const settings = { desktop: true, needsYou: true, endedBadly: false, endedWell: false };
  expect(ids(wanted(news, settings))).toEqual([`waiting ${waiting(1).id}`]);
  expect(news.map(wordsOf)).toEqual([
    { title: "Ended badly: Task 2", body: "Checks failed. Why." },
    { title: "Needs you: Task 1", body: expect.any(String) },
  ]);
});

test("the tab says how many things need somebody, and whether one of them holds a run up", () => {
  const { needs } = standing({ waits: [waiting(1)], running: [refused(2, "a.test"), refused(3, "a.test")], bad: [failed(4)] });
  expect(badgeOf(needs)).toEqual({ prefix: "(3) ", icon: "/icon-waiting.svg" });
  expect(badgeOf(standing({ bad: [failed(4)] }).needs)).toEqual({ prefix: "(1) ", icon: "/icon-bad.svg" });
  expect(badgeOf([])).toEqual({ prefix: "", icon: "/icon.svg" });
});
