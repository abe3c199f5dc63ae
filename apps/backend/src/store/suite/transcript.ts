import { type SpoolEvent, SpoolEvent as SpoolEventSchema } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { SpoolGapError } from "../types.ts";
import {
  claimRun,
  createClock,
  errorOf,
  event,
  events,
  ids,
  note,
  notes,
  type OpenPlace,
  own,
  range,
  readAll,
  seqs,
} from "./place.ts";

const describeAppending = (open: OpenPlace): void => {
  describe("transcript: appending", () => {
    test("numbers messages from 1 without gaps, whoever appends", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { run, fence } = await claimRun(place.store);
      const instanceId = ids.instance();
      const ours = await place.store.transcript.append(
        run.id,
        fence,
        own(1, note("a"), { ...note("b"), at: "2020-01-01T00:00:00.000Z" }),
      );
      const spooled = await place.store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(1, 3) });
      const last = await place.store.transcript.append(run.id, fence, own(3, note("c")));
      const all = [...ours, ...spooled, ...last];
      expect(seqs(all)).toEqual(range(1, 6));
      expect(ours.map(({ at }) => at)).toEqual([clock.now().toISOString(), "2020-01-01T00:00:00.000Z"]);
      const { seq: _, ...first } = event(1);
      expect(spooled[0]).toEqual({ runId: run.id, seq: 3, ...first });
      expect(await readAll(await place.open(), run.id)).toEqual(all);
      expect(await place.store.runs.find(run.id)).toMatchObject({ lastSeq: 6 });
    });

    test("keeps hostile and unknown bodies as they came", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const bodies = [
        '{"type":"from_the_future","deep":[[[[{"a":{}}]]]],"__proto__":{"polluted":true},"":null}',
        '{"type":"text","text":"\\u0000 \\ud800 \\u202e \u2028 </script> \'; drop table messages; --"}',
        `{"type":"numbers","n":[1e308,-0.1,9007199254740991,1e-7]}`,
        `{"type":"deep","d":${"[".repeat(500)}${"]".repeat(500)}}`,
      ];
      const spool = bodies.map(
        (body, index): SpoolEvent =>
          SpoolEventSchema.parse({ seq: index + 1, at: "2026-11-22T20:39:28.000Z", source: "agent", body: JSON.parse(body) }),
      );
      await place.store.transcript.appendSpooled(run.id, fence, { instanceId: ids.instance(), events: spool });
      const back = await readAll(place.store, run.id);
      expect(back.map(({ body }) => JSON.stringify(body))).toEqual(spool.map(({ body }) => JSON.stringify(body)));
      expect(Reflect.get({}, "polluted")).toBeUndefined();
    });

    test("refuses what cannot be written as JSON, and stores nothing of its batch", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const endless: SpoolEvent = { ...event(2), source: "agent", body: { type: "loop" } };
      Reflect.set(endless.body, "self", endless.body);
      const refused = place.store.transcript.appendSpooled(run.id, fence, {
        instanceId: ids.instance(),
        events: [event(1), endless],
      });
      expect(await errorOf(refused)).toMatchObject({ code: "unprocessable", message: expect.stringContaining("event 2") });
      expect(await readAll(place.store, run.id)).toEqual([]);
    });

    test("stores each spool event once, however often and in whatever pieces it is delivered", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const { transcript } = place.store;
      const instanceId = ids.instance();
      const append = (from: number, to: number) =>
        transcript.appendSpooled(run.id, fence, { instanceId, events: events(from, to) });
      expect(await transcript.spoolPosition(run.id, instanceId)).toBe(0);
      expect(await append(1, 5)).toHaveLength(5);
      expect(await append(1, 5)).toEqual([]);
      expect(seqs(await append(3, 8))).toEqual([6, 7, 8]);
      const both = await Promise.all([append(7, 12), append(9, 14)]);
      expect(both.map((messages) => messages.length)).toEqual([4, 2]);
      expect(await append(2, 4)).toEqual([]);
      expect(
        await transcript.appendSpooled(run.id, fence, { instanceId, events: [event(15), event(15), event(14)] }),
      ).toHaveLength(1);
      expect(await transcript.spoolPosition(run.id, instanceId)).toBe(15);
      const texts = (await readAll(place.store, run.id)).map(({ body }) => JSON.stringify(body));
      expect(texts).toEqual(events(1, 15).map(({ body }) => JSON.stringify(body)));
    });

    test("counts each sandbox's spool on its own", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const [one, two] = [ids.instance(), ids.instance()];
      const { transcript } = place.store;
      await transcript.appendSpooled(run.id, fence, { instanceId: one, events: events(1, 4) });
      expect(seqs(await transcript.appendSpooled(run.id, fence, { instanceId: two, events: events(1, 2) }))).toEqual([5, 6]);
      expect(await transcript.spoolPosition(run.id, one)).toBe(4);
      expect(await transcript.spoolPosition(run.id, two)).toBe(2);
      expect(await transcript.spoolPosition(ids.run(), one)).toBe(0);
    });

    test.each([
      { name: "at the beginning", first: 0, sent: [2] },
      { name: "after the last one", first: 3, sent: [5, 6] },
      { name: "within the batch", first: 3, sent: [4, 6] },
    ])("refuses a spool with a gap $name, and stores nothing of it", async ({ first, sent }) => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const instanceId = ids.instance();
      await place.store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(1, first) });
      const gap = place.store.transcript.appendSpooled(run.id, fence, { instanceId, events: sent.map((seq) => event(seq)) });
      await expect(gap).rejects.toThrow(SpoolGapError);
      expect(seqs(await readAll(place.store, run.id))).toEqual(range(1, first));
      expect(await place.store.runs.find(run.id)).toMatchObject({ lastSeq: first });
      expect(await place.store.transcript.spoolPosition(run.id, instanceId)).toBe(first);
    });

    test("a batch that is refused takes none of those with it that came at the same moment", async () => {
      await using place = await open();
      const claims = await Promise.all([claimRun(place.store), claimRun(place.store), claimRun(place.store)]);
      const [good, lost, gap] = claims;
      if (good === undefined || lost === undefined || gap === undefined) throw new Error("no claims");
      const { transcript } = place.store;
      const results = await Promise.allSettled([
        transcript.append(good.run.id, good.fence, notes(1, 2)),
        transcript.append(lost.run.id, lost.fence - 1, own(1, note("lost"))),
        transcript.append(good.run.id, good.fence, notes(3, 3)),
        transcript.appendSpooled(gap.run.id, gap.fence, { instanceId: ids.instance(), events: events(2, 3) }),
        transcript.append(good.run.id, good.fence, notes(4, 5)),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
      const texts = (await readAll(place.store, good.run.id)).map(({ body }) => body);
      expect(texts).toEqual(notes(1, 5).messages.map(({ body }) => body));
      expect([...(await readAll(place.store, lost.run.id)), ...(await readAll(place.store, gap.run.id))]).toEqual([]);
    });

    test("many stores and many callers at once leave no gap and no double", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const stores = [place.store, await place.open(), await place.open()];
      const appended = await Promise.all(
        range(1, 90).map((n) =>
          stores[n % stores.length]?.transcript.appendSpooled(run.id, fence, {
            instanceId: ids.instance(),
            events: events(1, 1),
          }),
        ),
      );
      expect(appended.flatMap((messages) => seqs(messages ?? [])).toSorted((a, b) => a - b)).toEqual(range(1, 90));
      expect(seqs(await readAll(place.store, run.id))).toEqual(range(1, 90));
    });
  });
};

const describeReading = (open: OpenPlace): void => {
  describe("transcript: reading", () => {
    test("reads in pages", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      await place.store.transcript.append(run.id, fence, notes(1, 25));
      const read = async (after: number, limit: number) => seqs(await place.store.transcript.read(run.id, { after, limit }));
      expect(await read(0, 10)).toEqual(range(1, 10));
      expect(await read(20, 10)).toEqual(range(21, 25));
      expect(await read(25, 10)).toEqual([]);
      expect(await read(1000, 10)).toEqual([]);
      expect(await place.store.transcript.read(ids.run(), { after: 0, limit: 10 })).toEqual([]);
    });

    test("a page ends before it grows beyond 16 MB, and holds one message at least", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const long = (megabytes: number) => note("ü".repeat(megabytes * 1024 * 1024));
      for (const [index, message] of [long(6), long(6), long(6), note("x"), long(64), note("y")].entries()) {
        await place.store.transcript.append(run.id, fence, own(index + 1, message));
      }
      const pages: number[][] = [];
      for (let after = 0; after < 6; after = pages.at(-1)?.at(-1) ?? 6) {
        const page = await place.store.transcript.read(run.id, { after, limit: 1000 });
        pages.push(seqs(page));
        if (after === 4) expect(page[0]?.body).toEqual(long(64).body);
      }
      expect(pages).toEqual([[1, 2], [3, 4], [5], [6]]);
    }, 60_000);

    test("holds 100,000 messages of one run, in order", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const instanceId = ids.instance();
      for (let from = 1; from <= 100_000; from += 500) {
        await place.store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(from, from + 499) });
      }
      const all = await readAll(place.store, run.id);
      expect(all).toHaveLength(100_000);
      expect(all.findIndex((message, index) => message.seq !== index + 1)).toBe(-1);
      expect(all.at(-1)?.body).toEqual(event(100_000).body);
      expect(await place.store.transcript.spoolPosition(run.id, instanceId)).toBe(100_000);
    }, 60_000);
  });
};

export const describeTranscript = (open: OpenPlace): void => {
  describeAppending(open);
  describeReading(open);
};
