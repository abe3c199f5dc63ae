import type { RunUsage } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Claim, Store } from "../types.ts";
import { anyRun, claimRun, createClock, endRun, note, type OpenPlace, otherServer, own, queueRun, seqs } from "./place.ts";

const HOUR_MS = 3600_000;
const usage = (costUsd: number): RunUsage => ({ costUsd, inputTokens: 1, outputTokens: 1, turns: 1 });

/** Tells what a run has cost so far, with its message of that number. */
const cost = async (store: Store, { run, fence }: Claim, [number, costUsd]: [number, number]) =>
  seqs(await store.transcript.append(run.id, fence, { ...own(number, note(`${costUsd}`)), patch: { usage: usage(costUsd) } }));

export const describeBudgets = (open: OpenPlace): void => {
  describe("budgets", () => {
    test("charge each day with what became known on it, once, also of runs that go on", async () => {
      // 20:00 UTC.
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const day = { from: "2026-11-22T00:00:00.000Z", to: "2026-11-23T00:00:00.000Z" };
      expect(await store.budgets.today()).toEqual({ dayUsd: null, zone: "UTC", ...day, spentUsd: 0, isUsedUp: false });
      const [long, short] = [await claimRun(store), await claimRun(store)];
      expect(await cost(store, long, [1, 0.5])).toEqual([1]);
      // Of a message whose storing was not heard of, and of news that cost nothing more.
      expect(await cost(store, long, [1, 0.5])).toEqual([]);
      await cost(store, long, [2, 0.5]);
      await cost(store, short, [1, 0.25]);
      await endRun(store, short);
      expect(await store.budgets.today()).toMatchObject({ spentUsd: 0.75 });

      clock.advance(5 * HOUR_MS);
      expect(await store.budgets.today()).toMatchObject({ from: day.to, spentUsd: 0 });
      await cost(store, long, [3, 2]);
      await endRun(store, long);
      expect(await store.budgets.today()).toMatchObject({ spentUsd: 1.5 });
      // Where it is still the 22nd.
      await store.budgets.set({ dayUsd: null, zone: "America/Los_Angeles" });
      expect(await store.budgets.today()).toMatchObject({ from: "2026-11-22T08:00:00.000Z", spentUsd: 2.25 });
      // It was spent, whatever becomes of the run.
      await store.upkeep.deleteRun(short.run.id);
      expect(await store.budgets.today()).toMatchObject({ spentUsd: 2.25 });
      // Once no day asks for it any more, it goes with the next run that does.
      clock.advance(60 * HOUR_MS);
      await store.upkeep.deleteRun(long.run.id);
      clock.advance(-60 * HOUR_MS);
      expect(await store.budgets.today()).toMatchObject({ spentUsd: 0 });
    });

    test("let nobody claim anything once they are used up, until they are raised, removed, or the next day begins", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const other = await place.open({ now: clock.now });
      const claimedByOther = async () => (await other.queue.claimNext({ ...anyRun, owner: otherServer }))?.run.id ?? null;
      const going = await claimRun(store);
      await cost(store, going, [1, 20]);
      const queued = [await queueRun(store, { priority: 3 }), await queueRun(store, { priority: 2 }), await queueRun(store)];

      await other.budgets.set({ dayUsd: 20 });
      await other.budgets.set({ dayUsd: 20 });
      expect(await store.budgets.today()).toMatchObject({ dayUsd: 20, zone: "UTC", isUsedUp: true });
      expect([await store.queue.claimNext(anyRun), await claimedByOther()]).toEqual([null, null]);
      // It goes on, and is driven on by whoever finds it left.
      await store.queue.release(going.run.id, going.fence);
      const [left] = await other.queue.leases();
      expect(left && (await other.queue.takeOver(left, otherServer))?.run.id).toBe(going.run.id);

      await store.budgets.set({ dayUsd: 20.01 });
      expect(await claimedByOther()).toBe(queued[0]?.id);
      await store.budgets.set({ dayUsd: 0.01, zone: "Europe/Berlin" });
      expect(await claimedByOther()).toBeNull();
      await store.budgets.set({ dayUsd: null });
      expect(await claimedByOther()).toBe(queued[1]?.id);
      // The zone that was chosen last stays, and midnight comes at 23:00 UTC.
      await store.budgets.set({ dayUsd: 1 });
      clock.advance(3 * HOUR_MS - 1);
      expect(await claimedByOther()).toBeNull();
      clock.advance(1);
      expect(await claimedByOther()).toBe(queued[2]?.id);
    });
  });
};
