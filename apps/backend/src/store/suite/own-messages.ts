import { describe, expect, test } from "vitest";
import { SpoolGapError } from "../types.ts";
import {
  claimRun,
  collect,
  endRun,
  errorOf,
  events,
  find,
  ids,
  note,
  notes,
  type OpenPlace,
  own,
  range,
  readAll,
  seqs,
  server,
} from "./place.ts";

/** Messages of our own, which are numbered by whoever appends them. */
export const describeOwnMessages = (open: OpenPlace): void => {
  describe("transcript: our own messages", () => {
    test("what is appended twice, as after an answer that never came, is stored once", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const { transcript } = place.store;
      const append = async (from: number, to: number) => seqs(await transcript.append(run.id, fence, notes(from, to)));
      expect(await append(1, 3)).toEqual([1, 2, 3]);
      expect(await append(1, 3)).toEqual([]);
      expect(await append(3, 5)).toEqual([4, 5]);
      expect(await append(2, 2)).toEqual([]);
      expect(await append(6, 6)).toEqual([6]);
      const all = await readAll(place.store, run.id);
      expect(all.map(({ body }) => body)).toEqual(notes(1, 6).messages.map(({ body }) => body));
      expect(seqs(all)).toEqual(range(1, 6));
      expect(await place.store.runs.find(run.id)).toMatchObject({ lastSeq: 6 });
    });

    test("two that append the same at once, from two stores, store it once", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const stores = [place.store, await place.open()];
      for (const n of range(1, 20)) {
        const both = await Promise.all(stores.map((store) => store.transcript.append(run.id, fence, notes(n, n))));
        expect(both.flatMap(seqs)).toEqual([n]);
      }
      expect(seqs(await readAll(place.store, run.id))).toEqual(range(1, 20));
    });

    test("each driver counts its own, and spools are counted apart", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const instanceId = ids.instance();
      await store.transcript.append(run.id, fence, notes(1, 2));
      await store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(1, 2) });
      await store.transcript.append(run.id, fence, notes(3, 3));
      await store.queue.takeOver(find(await store.queue.leases(), run.id), server);
      expect(seqs(await store.transcript.append(run.id, fence + 1, notes(1, 1)))).toEqual([6]);
      expect(await errorOf(store.transcript.append(run.id, fence + 1, notes(3, 3)))).toBeInstanceOf(SpoolGapError);
      expect(seqs(await store.transcript.appendSpooled(run.id, fence + 1, { instanceId, events: events(1, 3) }))).toEqual([7]);
    });

    test.each([
      { what: "at the beginning", stored: 0, first: 2 },
      { what: "after the last", stored: 3, first: 5 },
    ])("refuses a number with a gap $what, and stores nothing of it, nor its patch", async ({ stored, first }) => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      if (stored > 0) await place.store.transcript.append(run.id, fence, notes(1, stored));
      const before = await place.store.runs.find(run.id);
      const gap = place.store.transcript.append(run.id, fence, { ...notes(first, first + 1), patch: { stepIndex: 4 } });
      expect(await errorOf(gap)).toBeInstanceOf(SpoolGapError);
      expect(await place.store.runs.find(run.id)).toEqual(before);
      expect(seqs(await readAll(place.store, run.id))).toEqual(range(1, stored));
    });

    test("refuses another message under a number that is taken, rather than lose it in silence", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      await place.store.transcript.append(run.id, fence, notes(1, 2));
      const before = await readAll(place.store, run.id);
      const { transcript } = place.store;
      for (const message of [own(2, note("another")), own(2, note("another"), note("note 3")), own(0, note("note 0"))]) {
        expect(await errorOf(transcript.append(run.id, fence, message))).toMatchObject({ code: "conflict" });
      }
      expect(await readAll(place.store, run.id)).toEqual(before);
      expect(await place.store.runs.find(run.id)).toMatchObject({ lastSeq: 2 });
    });

    test("writes the patch in the same commit, once", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const progress = { stepIndex: 1, attempt: 1, startedMs: 0, phase: { kind: "ended", end: null } } as const;
      const first = { ...notes(1, 2), patch: { stepIndex: 1, activeMs: 10, progress } };
      await store.transcript.append(run.id, fence, first);
      expect(await store.runs.find(run.id)).toEqual({ ...run, stepIndex: 1, lastSeq: 2 });
      await store.runs.patch(run.id, fence, { stepIndex: 2, activeMs: 20 });
      // Asked again, what was written since stays.
      expect(await store.transcript.append(run.id, fence, first)).toEqual([]);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 2 });
      // With a message that is new, it is new as well; and so is one that comes with no message.
      await store.transcript.append(run.id, fence, { ...notes(2, 3), patch: { stepIndex: 3 } });
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 3, lastSeq: 3 });
      await store.transcript.append(run.id, fence, { ...own(4), patch: { stepIndex: 4 } });
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 4, lastSeq: 3 });
      const taken = await store.queue.takeOver(find(await store.queue.leases(), run.id), server);
      expect(taken).toMatchObject({ progress, activeMs: 20 });
    });

    test("writes a patch with a spool's events in the same commit, once", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const instanceId = ids.instance();
      const append = (from: number, to: number, stepIndex: number) =>
        store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(from, to), patch: { stepIndex } });
      await append(1, 2, 1);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 1, lastSeq: 2 });
      await append(1, 2, 7);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 1, lastSeq: 2 });
      await append(2, 3, 2);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 2, lastSeq: 3 });
      expect(await errorOf(append(9, 9, 9))).toBeInstanceOf(SpoolGapError);
      expect(await store.runs.find(run.id)).toMatchObject({ stepIndex: 2, lastSeq: 3 });
    });

    test("a message that goes with a change of the status takes no number, and is followed in its order", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const followed = collect(store.transcript.follow(run.id, { after: 0 }, AbortSignal.timeout(30_000)));
      await store.transcript.append(run.id, fence, notes(1, 1));
      await store.runs.advance(run.id, { from: ["starting"], to: "running", fence, message: note("running") });
      await store.runs.advance(run.id, { from: ["running"], to: "canceling", message: note("somebody wished it") });
      await store.transcript.append(run.id, fence, notes(2, 2));
      await endRun(store, { run, fence });
      expect((await followed).map(({ body }) => body)).toMatchObject(
        ["note 1", "running", "somebody wished it", "note 2"].map((text) => ({ text })),
      );
    });
  });
};
