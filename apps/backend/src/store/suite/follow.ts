import type { Message, RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import type { Store } from "../types.ts";
import { claimRun, collect, endRun, errorOf, events, ids, note, notes, type OpenPlace, own, range, seqs } from "./place.ts";

const forever = new AbortController().signal;

/** Follows in the background, keeping what came. */
const startFollowing = (store: Store, runId: RunId, { after = 0, signal = forever } = {}) => {
  const got: Message[] = [];
  const ended = (async () => {
    for await (const message of store.transcript.follow(runId, { after }, signal)) got.push(message);
  })();
  ended.catch(() => {}); // looked at by the test, perhaps later
  return { got, ended };
};

const next = async (iterator: AsyncIterator<Message>): Promise<number | null> => {
  const { value, done } = await iterator.next();
  return done ? null : value.seq;
};

const describeLive = (open: OpenPlace): void => {
  describe("transcript: following", () => {
    test("replays, goes on live, and ends after the last message of the final run", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      await store.transcript.append(claim.run.id, claim.fence, notes(1, 3));
      const all = startFollowing(store, claim.run.id);
      const later = startFollowing(store, claim.run.id, { after: 2 });
      await waitFor(() => all.got.length === 3 && later.got.length === 1, { what: "the replay" });
      await store.transcript.appendSpooled(claim.run.id, claim.fence, { instanceId: ids.instance(), events: events(1, 4) });
      await waitFor(() => all.got.length === 7, { what: "the live messages" });
      await store.transcript.append(claim.run.id, claim.fence, own(4, note("the last one")));
      await endRun(store, claim);
      await Promise.all([all.ended, later.ended]);
      expect(seqs(all.got)).toEqual(range(1, 8));
      expect(seqs(later.got)).toEqual(range(3, 8));
      expect(all.got).toEqual(await store.transcript.read(claim.run.id, { after: 0, limit: 100 }));
    });

    test("gives every message once while many are being appended and followers come at any time", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const followers: ReturnType<typeof startFollowing>[] = [];
      for (let from = 1; from <= 3000; from += 30) {
        followers.push(startFollowing(store, claim.run.id));
        await store.transcript.append(claim.run.id, claim.fence, notes(from, from + 29));
      }
      await endRun(store, claim);
      await Promise.all(followers.map(({ ended }) => ended));
      for (const { got } of followers) expect(seqs(got)).toEqual(range(1, 3000));
    });

    test("ends at once for a final run, with or without something left to give", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      await place.store.transcript.append(claim.run.id, claim.fence, notes(1, 3));
      await endRun(place.store, claim);
      const follow = async (after: number) =>
        seqs(await collect(place.store.transcript.follow(claim.run.id, { after }, forever)));
      expect(await follow(0)).toEqual([1, 2, 3]);
      expect(await follow(3)).toEqual([]);
      expect(await follow(99)).toEqual([]);
    });

    test("ends when a run that never said anything is canceled", async () => {
      await using place = await open();
      const { run } = await claimRun(place.store);
      const { got, ended } = startFollowing(place.store, run.id);
      await place.store.runs.advance(run.id, { from: ["starting"], to: "canceled" });
      await ended;
      expect(got).toEqual([]);
    });

    test("throws for a run that is not there, and leaves the other followers alone", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      const { got, ended } = startFollowing(place.store, claim.run.id);
      const nobody = collect(place.store.transcript.follow(ids.run(), { after: 0 }, forever));
      expect(await errorOf(nobody)).toMatchObject({ code: "not_found" });
      await place.store.transcript.append(claim.run.id, claim.fence, own(1, note("still here")));
      await endRun(place.store, claim);
      await ended;
      expect(got).toHaveLength(1);
    });

    test("500 followers of one run all get everything", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      const followers = range(1, 500).map(() => startFollowing(place.store, claim.run.id));
      for (let from = 1; from <= 200; from += 10) {
        await place.store.transcript.append(claim.run.id, claim.fence, notes(from, from + 9));
      }
      await endRun(place.store, claim);
      await Promise.all(followers.map(({ ended }) => ended));
      for (const { got } of followers) expect(seqs(got)).toEqual(range(1, 200));
      expect(followers[0]?.got[0]).toBe(followers[499]?.got[0]); // one object for all, so that memory does not grow with the followers
    });
  });
};

const describeSlow = (open: OpenPlace): void => {
  describe("transcript: following slowly", () => {
    test("a follower that stops for long misses nothing and keeps nobody waiting", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const slow = store.transcript.follow(claim.run.id, { after: 0 }, forever)[Symbol.asyncIterator]();
      await store.transcript.append(claim.run.id, claim.fence, notes(1, 1));
      expect(await next(slow)).toBe(1);
      const quick = startFollowing(store, claim.run.id);
      // Far beyond what is kept in memory of a run, in number and in length.
      for (let from = 2; from <= 3001; from += 100) {
        await store.transcript.append(claim.run.id, claim.fence, notes(from, from + 99));
      }
      await store.transcript.append(
        claim.run.id,
        claim.fence,
        own(3002, note("x".repeat(3_000_000)), note("after the long one")),
      );
      await endRun(store, claim);
      await quick.ended;
      expect(seqs(quick.got)).toEqual(range(1, 3003));
      const rest: (number | null)[] = [];
      for (let seq = await next(slow); seq !== null; seq = await next(slow)) rest.push(seq);
      expect(rest).toEqual(range(2, 3003));
    });

    test("leaves when its consumer breaks off", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      await place.store.transcript.append(claim.run.id, claim.fence, notes(1, 3));
      for await (const message of place.store.transcript.follow(claim.run.id, { after: 0 }, forever)) {
        if (message.seq === 2) break;
      }
      const again = startFollowing(place.store, claim.run.id, { after: 2 });
      await endRun(place.store, claim);
      await again.ended;
      expect(seqs(again.got)).toEqual([3]);
    });

    test.each(["before it begins", "while it waits", "in the middle of a page"])("ends on the signal %s", async (moment) => {
      await using place = await open();
      const claim = await claimRun(place.store);
      await place.store.transcript.append(claim.run.id, claim.fence, notes(1, 3));
      const abort = new AbortController();
      const iterator = place.store.transcript.follow(claim.run.id, { after: 0 }, abort.signal)[Symbol.asyncIterator]();
      const given: (number | null)[] = [];
      if (moment === "before it begins") abort.abort();
      else given.push(await next(iterator), await next(iterator));
      if (moment === "in the middle of a page") abort.abort();
      if (moment === "while it waits") {
        given.push(await next(iterator));
        const waiting = next(iterator);
        abort.abort();
        expect(await waiting).toBeNull();
      }
      expect(await next(iterator)).toBeNull();
      expect(given).toHaveLength({ "before it begins": 0, "while it waits": 3, "in the middle of a page": 2 }[moment] ?? -1);
    });
  });
};

const describeApart = (open: OpenPlace): void => {
  describe("transcript: following from another store", () => {
    test("sees what another one appends, in order with its own, and the end", async () => {
      await using place = await open();
      const other = await place.open();
      const claim = await claimRun(place.store);
      const here = startFollowing(place.store, claim.run.id);
      const there = startFollowing(other, claim.run.id);
      await place.store.transcript.append(claim.run.id, claim.fence, notes(1, 2));
      await waitFor(() => there.got.length === 2, { what: "the other store to see the messages" });
      // The other one writes too: each must see a message of its own and not skip the one before it, which it has not seen yet.
      await place.store.transcript.append(claim.run.id, claim.fence, notes(3, 3));
      await other.transcript.append(claim.run.id, claim.fence, notes(4, 4));
      await place.store.transcript.append(claim.run.id, claim.fence, notes(5, 5));
      await waitFor(() => here.got.length === 5 && there.got.length === 5, { what: "both to see all messages" });
      await endRun(other, claim);
      await Promise.all([here.ended, there.ended]);
      expect(seqs(here.got)).toEqual(range(1, 5));
      expect(there.got).toEqual(here.got);
    });

    test("closing the store ends its followers with an error, not as if the run had ended", async () => {
      await using place = await open();
      const store = await place.open();
      const claim = await claimRun(place.store);
      await store.transcript.append(claim.run.id, claim.fence, notes(1, 1));
      const { got, ended } = startFollowing(store, claim.run.id);
      await waitFor(() => got.length === 1, { what: "the replay" });
      await store[Symbol.asyncDispose]();
      expect(await errorOf(ended)).toMatchObject({ code: "unavailable" });
      const late = collect(store.transcript.follow(claim.run.id, { after: 0 }, forever));
      expect(await errorOf(late)).toMatchObject({ code: "unavailable" });
    });

    test("closing waits for what is being written, and may be asked for twice", async () => {
      await using place = await open();
      const store = await place.open();
      const claim = await claimRun(place.store);
      const appended = range(1, 20).map((n) => store.transcript.append(claim.run.id, claim.fence, notes(n, n)));
      await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]);
      expect((await Promise.all(appended)).flatMap(seqs)).toEqual(range(1, 20));
      expect(await place.store.transcript.read(claim.run.id, { after: 0, limit: 100 })).toHaveLength(20);
    });
  });
};

export const describeFollow = (open: OpenPlace): void => {
  describeLive(open);
  describeSlow(open);
  describeApart(open);
};
