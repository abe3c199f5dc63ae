import { FINAL_STATUSES, type RunId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Claim, Claimer, Store } from "../types.ts";
import { anyRun, createClock, createTask, endRun, ids, type OpenPlace, otherServer, queueRun, range, server } from "./place.ts";

const noLimits = { perRepository: null, perTask: null };

const claimed = async (store: Store, claimer: Claimer = anyRun): Promise<RunId | null> =>
  (await store.queue.claimNext(claimer))?.run.id ?? null;

const describeOrder = (open: OpenPlace): void => {
  describe("queue: order", () => {
    test("gives the first to who claims it, and null when nothing is queued", async () => {
      await using place = await open();
      const { queue } = place.store;
      expect(await queue.claimNext(anyRun)).toBeNull();
      const run = await queueRun(place.store);
      const claim = await queue.claimNext(anyRun);
      const figures = [{ attempts: 0, passed: 0, total: 1 }];
      expect(claim).toEqual({
        run: { ...run, status: "starting" },
        fence: 1,
        progress: null,
        figures,
        activeMs: 0,
        prepared: null,
      });
      expect(await queue.leases()).toEqual([{ id: run.id, status: "starting", owner: server, fence: 1, beat: 0 }]);
      expect(await queue.claimNext(anyRun)).toBeNull();
    });

    test("goes by priority, then by age, also within one millisecond, and as priorities are now", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const queue = async (priority: number) => (await queueRun(store, { priority })).id;
      const low = await queue(-100);
      const [first, second] = [await queue(0), await queue(0)];
      const urgent = await queue(100);
      clock.advance(1);
      const third = await queue(0);
      const raised = await queue(-100);
      await store.runs.setPriority(raised, 99);
      const order = [urgent, raised, first, second, third, low];
      const places = await store.queue.queued(noLimits);
      expect(places).toEqual(order.map((id, index) => ({ id, position: index + 1, home: null, heldBy: null })));
      const got: (RunId | null)[] = [];
      for (const _ of order) got.push(await claimed(store));
      expect(got).toEqual(order);
      expect(await store.queue.queued(noLimits)).toEqual([]);
    });

    test("leaves a run to the one server that may begin it", async () => {
      await using place = await open();
      const { store } = place;
      const elsewhere = await queueRun(store, { home: otherServer, priority: 1 });
      expect((await store.queue.queued(noLimits)).map(({ home }) => home)).toEqual([otherServer]);
      const [here, anywhere] = [await queueRun(store, { home: server }), await queueRun(store)];
      expect([await claimed(store), await claimed(store), await claimed(store)]).toEqual([here.id, anywhere.id, null]);
      expect(await claimed(store, { ...anyRun, owner: otherServer })).toBe(elsewhere.id);
    });

    test("passes over a run that was canceled while it waited", async () => {
      await using place = await open();
      const [first, second] = [await queueRun(place.store), await queueRun(place.store)];
      await place.store.runs.advance(first.id, { from: ["queued"], to: "canceled" });
      expect(await claimed(place.store)).toBe(second.id);
    });
  });
};

const describeLimits = (open: OpenPlace): void => {
  describe("queue: limits", () => {
    test("passes over runs that a limit holds back, whatever their priority, and says which limit", async () => {
      await using place = await open();
      const { store } = place;
      const [one, two] = [await createTask(store, "one"), await createTask(store, "two")];
      const limits = { perRepository: 1, perTask: 2 };
      const claimer = { owner: server, ...limits };
      const queue = async (repository: string, task = one, priority = 0) =>
        (await queueRun(store, { repository, task, priority })).id;
      const a1 = await queue("ada/a");
      const a2 = await queue("ada/a", two, 50);
      const b = await queue("ada/b");
      const c = await queue("ada/c");
      const d = await queue("ada/d", two);
      const places = async () => (await store.queue.queued(limits)).map(({ id, heldBy }) => [id, heldBy]);
      // Nothing goes on yet: whoever comes first holds back the others, and that is not yet decided.
      expect(await places()).toEqual([a2, a1, b, c, d].map((id) => [id, null]));
      expect(await claimed(store, claimer)).toBe(a2);
      expect(await places()).toEqual([[a1, "repository"], ...[b, c, d].map((id) => [id, null])]);
      expect(await claimed(store, claimer)).toBe(b);
      expect(await claimed(store, claimer)).toBe(c);
      const held = [
        [a1, "repository"],
        [d, null],
      ];
      expect(await places()).toEqual(held);
      const e = await queue("ada/e");
      expect(await places()).toEqual([...held, [e, "task"]]);
      expect(await claimed(store, claimer)).toBe(d);
      expect(await claimed(store, claimer)).toBeNull();
      // Who has no limits takes what others may not.
      expect(await claimed(store, { owner: otherServer, perRepository: null, perTask: 3 })).toBe(a1);
      expect(await claimed(store)).toBe(e);
    });

    test("counts every run that has begun and has not ended", async () => {
      await using place = await open();
      const { store } = place;
      const claimer = { owner: server, perRepository: 1, perTask: null };
      await queueRun(store);
      const next = await queueRun(store);
      const claim = await store.queue.claimNext(claimer);
      if (claim === null) throw new Error("nothing was claimed");
      const { id } = claim.run;
      for (const [from, to] of [
        ["starting", "running"],
        ["running", "waiting"],
        ["waiting", "canceling"],
      ] as const) {
        expect(await store.queue.claimNext(claimer)).toBeNull();
        await store.runs.advance(id, { from: [from], to });
      }
      expect(await store.queue.claimNext(claimer)).toBeNull();
      await store.queue.release(id, claim.fence);
      expect(await store.queue.claimNext(claimer)).toBeNull();
      await endRun(store, claim);
      expect(await claimed(store, claimer)).toBe(next.id);
    });

    test("servers that race for runs never get one twice nor exceed a limit, over many rounds", async () => {
      await using place = await open();
      const stores = [place.store, await place.open(), await place.open()];
      const tasks = [
        await createTask(place.store, "one"),
        await createTask(place.store, "two"),
        await createTask(place.store, "three"),
      ];
      const queued = await Promise.all(
        range(0, 119).map((n) =>
          queueRun(place.store, { repository: `ada/${n % 5}`, priority: n % 7, ...(tasks[n % 3] && { task: tasks[n % 3] }) }),
        ),
      );
      const limits = { perRepository: 2, perTask: 3 };
      const got: RunId[] = [];
      let going: Claim[] = [];
      for (let round = 0; got.length < queued.length; round++) {
        expect(round).toBeLessThan(200);
        const owners = [server, otherServer, server];
        const claims = await Promise.all(
          range(0, 11).map((n) => stores[n % 3]?.queue.claimNext({ owner: owners[n % 3] ?? server, ...limits })),
        );
        const fresh = claims.flatMap((claim) => claim ?? []);
        going.push(...fresh);
        got.push(...fresh.map(({ run }) => run.id));
        const most = (keys: string[]) => Math.max(0, ...keys.map((key) => keys.filter((other) => other === key).length));
        expect(most(going.map(({ run }) => run.repository))).toBeLessThanOrEqual(limits.perRepository);
        expect(most(going.map(({ run }) => run.taskId))).toBeLessThanOrEqual(limits.perTask);
        expect((await place.store.queue.leases()).map(({ id }) => id).toSorted()).toEqual(
          going.map(({ run }) => run.id).toSorted(),
        );
        // The limits let no more start than this; so many there are, as long as enough are queued.
        if (round === 0) expect(going).toHaveLength(9);
        const ending = going.filter((_, index) => index % 2 === round % 2);
        going = going.filter((claim) => !ending.includes(claim));
        await Promise.all(ending.map((claim) => endRun(stores[round % 3] ?? place.store, claim)));
      }
      expect(got.toSorted()).toEqual(queued.map(({ id }) => id).toSorted());
    }, 60_000);

    test("a thousand waiting runs of a repository that is full hold up no other", async () => {
      await using place = await open();
      const { store } = place;
      const task = await createTask(store);
      for (const _ of range(1, 10)) {
        await Promise.all(range(1, 100).map(() => queueRun(store, { task, priority: 1 })));
      }
      const other = await queueRun(store, { task, repository: "ada/other" });
      const claimer = { owner: server, perRepository: 1, perTask: null };
      expect((await store.queue.claimNext(claimer))?.run.repository).toBe("ada/engine");
      expect(await claimed(store, claimer)).toBe(other.id);
      const places = await store.queue.queued(claimer);
      expect(places).toHaveLength(999);
      expect(new Set(places.map(({ heldBy }) => heldBy))).toEqual(new Set(["repository"]));
      expect(places.at(-1)?.position).toBe(999);
    });

    test("a final run is in no queue and has no lease", async () => {
      await using place = await open();
      for (const status of FINAL_STATUSES) {
        const run = await queueRun(place.store);
        await place.store.runs.advance(run.id, { from: ["queued"], to: status });
        expect(await place.store.queue.takeOver({ id: run.id, status, owner: null, fence: 0, beat: 0 }, server)).toBeNull();
      }
      expect(await place.store.queue.queued(noLimits)).toEqual([]);
      expect(await place.store.queue.leases()).toEqual([]);
      expect(
        await place.store.queue.takeOver({ id: ids.run(), status: "running", owner: null, fence: 0, beat: 0 }, server),
      ).toBeNull();
    });
  });
};

export const describeQueue = (open: OpenPlace): void => {
  describeOrder(open);
  describeLimits(open);
};
