import { describe, expect, test } from "vitest";
import { FenceLostError, type Lease, type Store } from "../types.ts";
import {
  claimRun,
  endRun,
  errorOf,
  events,
  find,
  ids,
  note,
  type OpenPlace,
  otherServer,
  own,
  queueRun,
  range,
  readAll,
  sampleDiff,
  server,
} from "./place.ts";

const leaseOf = async (store: Store, id: Lease["id"]): Promise<Lease> => find(await store.queue.leases(), id);

export const describeLeases = (open: OpenPlace): void => {
  describe("leases", () => {
    test("a renewal is seen by its beat, also from another store, and keeps how long the run was worked on", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const other = await place.open();
      const first = await leaseOf(other, run.id);
      expect(first).toEqual({ id: run.id, status: "starting", owner: server, fence, beat: 0 });
      await store.runs.advance(run.id, { from: ["starting"], to: "running", fence });
      expect(await store.queue.renew(run.id, fence, 10_000.7)).toEqual({ ...run, status: "running" });
      expect(await leaseOf(other, run.id)).toEqual({ ...first, status: "running", beat: 1 });
      await store.queue.renew(run.id, fence, 20_000);
      expect(await leaseOf(other, run.id)).toEqual({ ...first, status: "running", beat: 2 });
      const taken = await other.queue.takeOver(await leaseOf(other, run.id), otherServer);
      expect(taken).toMatchObject({ run: { ...run, status: "running" }, fence: fence + 1, progress: null, activeMs: 20_000 });
      expect(await leaseOf(store, run.id)).toMatchObject({ owner: otherServer, fence: fence + 1 });
    });

    test("nothing but a renewal, a claim and a takeover changes a lease: work that goes on without renewing is not seen as life", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const before = await leaseOf(store, run.id);
      await store.transcript.append(run.id, fence, own(1, note("still here")));
      await store.runs.patch(run.id, fence, { stepIndex: 1, activeMs: 5 });
      await store.runs.saveDiff(run.id, fence, sampleDiff);
      expect(await leaseOf(store, run.id)).toEqual(before);
    });

    test("nobody takes over with a lease that has been renewed, taken or lost since it was seen", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const seen = await leaseOf(store, run.id);
      await store.queue.renew(run.id, fence, 0);
      expect(await store.queue.takeOver(seen, otherServer)).toBeNull();
      expect(await leaseOf(store, run.id)).toEqual({ ...seen, beat: 1 });
      const renewed = await leaseOf(store, run.id);
      expect(await store.queue.takeOver(renewed, otherServer)).toMatchObject({ fence: fence + 1 });
      expect(await store.queue.takeOver(renewed, server)).toBeNull();
      const last = await leaseOf(store, run.id);
      expect(last).toMatchObject({ owner: otherServer, fence: fence + 1 });
      await endRun(store, { run, fence: fence + 1 });
      expect(await store.queue.takeOver(last, server)).toBeNull();
    });

    test("nobody takes over what is queued: it is claimed, within the limits", async () => {
      await using place = await open();
      const run = await queueRun(place.store);
      const lease = { id: run.id, status: "queued", owner: null, fence: 0, beat: 0 } as const;
      expect(await place.store.queue.takeOver(lease, server)).toBeNull();
      expect(await place.store.runs.find(run.id)).toEqual(run);
    });

    test("of many that take over a lease at once, one gets it", async () => {
      await using place = await open();
      const stores = [place.store, await place.open(), await place.open()];
      for (const round of range(1, 20)) {
        const { run, fence } = await claimRun(place.store);
        const seen = await leaseOf(place.store, run.id);
        const owners = range(0, 5).map((n) => (n % 2 === 0 ? server : otherServer));
        const [renewed, ...taken] = await Promise.allSettled([
          stores[round % 3]?.queue.renew(run.id, fence, round),
          ...owners.map((owner, n) => stores[n % 3]?.queue.takeOver(seen, owner)),
        ]);
        const got = taken.flatMap((result) => (result.status === "fulfilled" && result.value ? [result.value] : []));
        // Either the holder renewed in time, and nobody got it, or one got it, and the holder learns that it lost.
        expect(got.length + (renewed?.status === "fulfilled" ? 1 : 0)).toBe(1);
        expect(await leaseOf(place.store, run.id)).toMatchObject(got.length === 1 ? { fence: fence + 1 } : { fence, beat: 1 });
      }
    });

    test("what was given up is taken over at once, and a late word of who gave it up does not hinder that", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      await store.queue.release(run.id, fence);
      const given = await leaseOf(store, run.id);
      expect(given).toEqual({ id: run.id, status: "starting", owner: null, fence, beat: 0 });
      expect(await store.queue.takeOver(given, otherServer)).toMatchObject({ fence: fence + 1 });
      await store.queue.release(run.id, fence);
      await store.queue.release(ids.run(), 1);
      expect(await leaseOf(store, run.id)).toMatchObject({ owner: otherServer, fence: fence + 1 });
    });

    test("a loser's every write is refused, and changes nothing", async () => {
      await using place = await open();
      const { store } = place;
      const old = await claimRun(store);
      const { id } = old.run;
      const instanceId = ids.instance();
      await store.transcript.append(id, old.fence, own(1, note("mine")));
      await store.transcript.appendSpooled(id, old.fence, { instanceId, events: events(1, 2) });
      await store.runs.saveDiff(id, old.fence, sampleDiff);
      const taken = await store.queue.takeOver(await leaseOf(store, id), otherServer);
      const before = { run: await store.runs.find(id), lease: await leaseOf(store, id), messages: await readAll(store, id) };
      expect(before.run).toEqual(taken?.run);

      const patch = {
        stepIndex: 9,
        activeMs: 99,
        progress: { stepIndex: 9, attempt: 9, startedMs: 9, phase: { kind: "checks", checkout: null, begun: 0, passed: 0 } },
      } as const;
      const lost = [
        store.transcript.append(id, old.fence, own(2, note("late"))),
        // Also what is stored already: whoever asks learns that it is not the driver any more.
        store.transcript.append(id, old.fence, own(1, note("mine"))),
        store.transcript.append(id, old.fence, own(2)),
        store.transcript.append(id, old.fence, { ...own(2), patch }),
        // And also what would not fit: the fence comes first.
        store.transcript.append(id, old.fence, own(99, note("gap"))),
        store.transcript.appendSpooled(id, old.fence, { instanceId, events: events(3, 4), patch }),
        store.transcript.appendSpooled(id, old.fence, { instanceId, events: events(1, 2), patch }),
        store.transcript.appendSpooled(id, old.fence, { instanceId, events: [] }),
        store.runs.patch(id, old.fence, patch),
        store.runs.patch(id, old.fence, {}),
        store.runs.saveDiff(id, old.fence, { ...sampleDiff, patch: "late" }),
        store.queue.renew(id, old.fence, 99),
      ];
      for (const write of await Promise.allSettled(lost)) {
        expect(write).toMatchObject({ status: "rejected", reason: expect.any(FenceLostError) });
      }
      const moves = [
        { from: ["starting"], to: "running", fence: old.fence, patch },
        { from: ["starting"], to: "succeeded", fence: old.fence, patch, message: note("I was first") },
      ] as const;
      for (const move of moves) expect(await store.runs.advance(id, move)).toBeNull();
      await store.queue.release(id, old.fence);

      expect({ run: await store.runs.find(id), lease: await leaseOf(store, id), messages: await readAll(store, id) }).toEqual(
        before,
      );
      expect(await store.runs.findDiff(id)).toEqual(sampleDiff);
      expect(await store.transcript.spoolPosition(id, instanceId)).toBe(2);
      const again = await store.queue.takeOver(before.lease, server);
      expect(again).toMatchObject({ progress: null, activeMs: 0 });
      // The new driver writes on from there, and its numbers begin anew.
      const next = await store.transcript.append(id, old.fence + 2, own(1, note("went on")));
      expect(next.map(({ seq }) => seq)).toEqual([4]);
    });

    test("nobody renews what has ended or is not there", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      await endRun(place.store, claim);
      const { renew } = place.store.queue;
      expect(await errorOf(renew(claim.run.id, claim.fence, 1))).toBeInstanceOf(FenceLostError);
      expect(await errorOf(renew(ids.run(), 1, 1))).toMatchObject({ code: "not_found" });
      await place.store.queue.release(claim.run.id, claim.fence);
      expect(await place.store.queue.leases()).toEqual([]);
    });
  });
};
