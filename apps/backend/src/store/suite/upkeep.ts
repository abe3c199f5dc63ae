import { describe, expect, test } from "vitest";
import type { Claim, Store } from "../types.ts";
import {
  auditRecord,
  claimRun,
  collect,
  createClock,
  createTask,
  endRun,
  errorOf,
  events,
  ids,
  instancePlace,
  note,
  notes,
  type OpenPlace,
  own,
  queueRun,
  range,
  readAll,
  sampleDiff,
  server,
} from "./place.ts";

/** A run that ended at this moment. */
const endedRun = async (store: Store, endedAt: string): Promise<Claim> => {
  const claim = await claimRun(store);
  await store.runs.patch(claim.run.id, claim.fence, { endedAt });
  await endRun(store, claim);
  return claim;
};

/** Leaves something of a run in every place of the store. */
const fill = async (store: Store, { run, fence }: Claim) => {
  const instanceId = ids.instance();
  await store.instances.create({ id: instanceId, runId: run.id, driver: "docker", server, place: instancePlace }, fence);
  await store.transcript.append(run.id, fence, notes(1, 250));
  await store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(1, 50) });
  await store.runs.saveDiff(run.id, fence, sampleDiff);
  await store.audit.append(run.id, fence, [auditRecord(run.id, 1), auditRecord(run.id, 2, "refused")]);
  return instanceId;
};

export const describeUpkeep = (open: OpenPlace): void => {
  describe("upkeep", () => {
    test("tells a database from every other one, however many look at it", async () => {
      await using place = await open();
      await using elsewhere = await open();
      const id = await place.store.upkeep.databaseId();
      expect(await (await place.open()).upkeep.databaseId()).toBe(id);
      expect(await elsewhere.store.upkeep.databaseId()).not.toBe(id);
    });

    test("counts runs by status and reason", async () => {
      await using place = await open();
      const { store } = place;
      expect(await store.upkeep.countRuns()).toEqual([]);
      for (const _ of range(1, 3)) await endRun(store, await claimRun(store));
      await claimRun(store);
      await queueRun(store);
      const { id } = await queueRun(store);
      await store.runs.advance(id, { from: ["queued"], to: "canceled", patch: { reason: "canceled" } });
      const counts = await store.upkeep.countRuns();
      expect(counts.toSorted((a, b) => a.status.localeCompare(b.status))).toEqual([
        { status: "canceled", reason: "canceled", count: 1 },
        { status: "queued", reason: null, count: 1 },
        { status: "starting", reason: null, count: 1 },
        { status: "succeeded", reason: "passed", count: 3 },
      ]);
    });

    test("adds up what runs cost that ended within a span, and what those have cost that go on", async () => {
      await using place = await open();
      const { store } = place;
      const usage = (costUsd: number) => ({ costUsd, inputTokens: 1, outputTokens: 1, turns: 1 });
      const ended = async (endedAt: string, costUsd: number) => {
        const claim = await claimRun(store);
        await store.runs.patch(claim.run.id, claim.fence, { endedAt, usage: usage(costUsd) });
        await endRun(store, claim);
      };
      await ended("2026-11-01T00:00:00.000Z", 0.5);
      await ended("2026-11-01T23:59:59.999Z", 0.25);
      await ended("2026-11-02T00:00:00.000Z", 8);
      const going = await claimRun(store);
      await store.runs.patch(going.run.id, going.fence, { usage: usage(2) });
      await queueRun(store);
      const { overview } = store;
      const day = (from: number) => ({ from: `2026-11-0${from}T00:00:00.000Z`, to: `2026-11-0${from + 1}T00:00:00.000Z` });
      expect(await overview.spent(day(1))).toEqual({ runs: 2, costUsd: 0.75 });
      expect(await overview.spent(day(2))).toEqual({ runs: 1, costUsd: 8 });
      expect(await overview.spent(day(3))).toEqual({ runs: 0, costUsd: 0 });
      expect(await overview.going()).toEqual({ runs: 1, costUsd: 2 });
    });

    test("says that it can be written, as often as it is asked, and that it is closed when it is", async () => {
      await using place = await open();
      const store = await place.open();
      await Promise.all(range(1, 10).map(() => store.upkeep.check()));
      await store.upkeep.check();
      await store[Symbol.asyncDispose]();
      expect(await errorOf(store.upkeep.check())).toMatchObject({ code: "unavailable" });
      await place.store.upkeep.check();
    });

    test("tells what it takes on its disk", async () => {
      await using place = await open();
      const { store } = place;
      const empty = await store.upkeep.sizeBytes();
      expect(empty).toBeGreaterThan(10_000);
      const { run, fence } = await claimRun(store);
      const text = (): string => Array.from({ length: 100_000 }, () => Math.random().toString(36).slice(2, 12)).join("");
      for (const n of range(1, 3)) await store.transcript.append(run.id, fence, own(n, note(text())));
      const grown = (await store.upkeep.sizeBytes()) - empty;
      expect(grown).toBeGreaterThan(1_500_000);
      expect(grown).toBeLessThan(30_000_000);
    });

    test("lists the runs that ended before a moment, oldest first", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const days = ["2026-01-03", "2026-01-01", "2026-01-02", "2026-01-04", "2026-01-01"];
      const at = (day: string) => `${day}T12:00:00.000Z`;
      const made = [];
      for (const day of days) made.push((await endedRun(store, at(day))).run.id);
      // What goes on is not listed, whatever stands in it.
      const going = await claimRun(store);
      await store.runs.patch(going.run.id, going.fence, { endedAt: at("2026-01-01") });
      await queueRun(store);
      const listed = (endedBefore: string, limit = 10) => store.upkeep.listEnded({ endedBefore, limit });
      expect(await listed(at("2026-01-04"))).toEqual([made[1], made[4], made[2], made[0]]);
      expect(await listed(at("2026-01-04"), 2)).toEqual([made[1], made[4]]);
      expect(await listed(at("2026-01-01"))).toEqual([]);
    });

    test("deletes a run with all that belongs to it, and nothing of another", async () => {
      await using place = await open();
      const { store } = place;
      const [gone, stays] = [await claimRun(store), await claimRun(store)];
      const [goneInstance, staysInstance] = [await fill(store, gone), await fill(store, stays)];
      await endRun(store, gone);
      await endRun(store, stays);
      const everything = async ({ run: { id } }: Claim, instanceId: typeof goneInstance) => ({
        run: await store.runs.find(id),
        messages: (await readAll(store, id)).length,
        position: await store.transcript.spoolPosition(id, instanceId),
        diff: await store.runs.findDiff(id),
        requests: await store.audit.read(id, { after: 0, limit: 10 }),
        instance: await store.instances.findRecord(instanceId),
      });
      const before = await everything(stays, staysInstance);
      expect(await store.upkeep.deleteRun(gone.run.id)).toBe(true);
      expect(await everything(gone, goneInstance)).toEqual({
        run: null,
        messages: 0,
        position: 0,
        diff: null,
        requests: [],
        instance: null,
      });
      expect(await everything(stays, staysInstance)).toEqual(before);
      expect(await store.runs.list({ limit: 10 })).toHaveLength(1);
      expect(await store.upkeep.deleteRun(gone.run.id)).toBe(false);
      expect(await store.tasks.find(gone.run.taskId)).not.toBeNull();
    });

    test("deletes nothing that has not ended", async () => {
      await using place = await open();
      const { store } = place;
      const queued = await queueRun(store);
      expect(await store.upkeep.deleteRun(queued.id)).toBe(false);
      const claim = await claimRun(store);
      await fill(store, claim);
      expect(await store.upkeep.deleteRun(claim.run.id)).toBe(false);
      expect(await readAll(store, claim.run.id)).toHaveLength(300);
      expect(await store.runs.list({ limit: 10 })).toHaveLength(2);
      expect(await store.upkeep.deleteRun(ids.run())).toBe(false);
    });

    test("of two that delete a run at once one does, and its key is free again", async () => {
      await using place = await open();
      const other = await place.open();
      const task = await createTask(place.store);
      const claim = await claimRun(place.store, { task, idempotencyKey: "k" });
      await fill(place.store, claim);
      await endRun(place.store, claim);
      const deleted = await Promise.all([place.store, other].map((store) => store.upkeep.deleteRun(claim.run.id)));
      expect(deleted.toSorted()).toEqual([false, true]);
      const again = await claimRun(place.store, { task, idempotencyKey: "k" });
      expect(again.run.id).not.toBe(claim.run.id);
    });

    test("a follower in the middle of a run that is deleted learns that it is gone", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      for (let from = 1; from <= 1500; from += 500)
        await store.transcript.append(claim.run.id, claim.fence, notes(from, from + 499));
      await endRun(store, claim);
      const slow = store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(30_000));
      expect((await slow[Symbol.asyncIterator]().next()).value).toMatchObject({ seq: 1 });
      await store.upkeep.deleteRun(claim.run.id);
      const rest = collect({ [Symbol.asyncIterator]: () => slow[Symbol.asyncIterator]() });
      expect(await errorOf(rest)).toMatchObject({ code: "not_found" });
      const late = collect(store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(30_000)));
      expect(await errorOf(late)).toMatchObject({ code: "not_found" });
    });
  });
};
