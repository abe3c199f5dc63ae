import { expect, test } from "vitest";
import { Feed, type Stored } from "./feed.ts";
import { ids, range, seqs } from "./suite/place.ts";

const runId = ids.run();

const stored = (from: number, to: number, length = 10): Stored[] =>
  range(from, to).map((seq) => ({
    message: { runId, seq, at: "2026-11-22T20:39:28.000Z", source: "runner", body: { type: "note", text: `note ${seq}` } },
    length,
  }));

test("gives from memory what follows, and nothing when that is not there", () => {
  const feed = new Feed();
  feed.note({ lastSeq: 10, final: false });
  feed.publish(stored(11, 13));
  feed.publish(stored(14, 15));
  expect(seqs(feed.after(10))).toEqual([11, 12, 13, 14, 15]);
  expect(seqs(feed.after(13))).toEqual([14, 15]);
  expect(feed.after(9)).toEqual([]);
  expect(feed.after(15)).toEqual([]);
});

test.each([
  { what: "published after a gap", miss: (_: Feed) => {} },
  { what: "noted in between", miss: (feed: Feed) => feed.note({ lastSeq: 4, final: false }) },
])("never gives a message in the place of one that it does not have: $what", ({ miss }) => {
  const feed = new Feed();
  feed.publish(stored(1, 2));
  miss(feed);
  feed.publish(stored(5, 6));
  expect(feed.lastSeq).toBe(6);
  expect(feed.after(0)).toEqual([]);
  expect(feed.after(2)).toEqual([]);
  expect(seqs(feed.after(4))).toEqual([5, 6]);
});

test("news that is late or comes twice changes nothing and wakes nobody", () => {
  const feed = new Feed();
  feed.publish(stored(1, 4));
  feed.note({ lastSeq: 4, final: true });
  let woken = 0;
  feed.followers.add(() => woken++);
  feed.publish(stored(3, 4));
  feed.note({ lastSeq: 2, final: false });
  feed.publish([]);
  expect({ woken, lastSeq: feed.lastSeq, final: feed.final }).toEqual({ woken: 0, lastSeq: 4, final: true });
  expect(seqs(feed.after(0))).toEqual([1, 2, 3, 4]);
});

test("keeps the newest messages only, bounded by number and by length, and gives them in pages", () => {
  const feed = new Feed();
  for (let from = 1; from <= 5000; from += 100) feed.publish(stored(from, from + 99));
  expect(feed.after(3999)).toEqual([]);
  expect(seqs(feed.after(4000))).toEqual(range(4001, 4200));
  feed.publish(stored(5001, 5001, 999_990));
  expect(feed.after(4999)).toHaveLength(2);
  expect(feed.after(4998)).toEqual([]);
  feed.publish(stored(5002, 5002, 64_000_000));
  expect(feed.after(5001)).toEqual([]);
  expect(feed.lastSeq).toBe(5002);
  feed.publish(stored(5003, 5004));
  expect(seqs(feed.after(5002))).toEqual([5003, 5004]);
});
