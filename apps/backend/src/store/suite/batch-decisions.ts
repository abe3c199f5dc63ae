import type { Delivered } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Claim } from "../types.ts";
import { claim, fail, launch, moves, rowsOf } from "./batch-place.ts";
import { delivered } from "./delivered.ts";
import { anyRun, claimRun, createTask, endRun, errorOf, ids, type OpenPlace, range, readAll } from "./place.ts";

/** What people decide about a batch: cancel, retry, choose. */
export const describeDecisions = (open: OpenPlace): void => {
  describe("batches: decided on", () => {
    test("cancel moves every run that is not final, tells it, and leaves the others as they are", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a", "ada/b", "ada/c"] });
      await endRun(store, await claim(store));
      const going = await claim(store);
      const followed = Array.fromAsync(
        store.transcript.follow((await rowsOf(store, id))[2]?.runId ?? going.run.id, { after: 0 }, AbortSignal.timeout(20_000)),
      );
      const moved = await store.batches.cancel(id, moves);
      expect(moved?.map(({ status }) => status).toSorted()).toEqual(["canceled", "canceling"]);
      expect((await rowsOf(store, id)).map(({ status }) => status)).toEqual(["succeeded", "canceling", "canceled"]);
      expect(await store.batches.find(id)).toMatchObject({ batch: { state: "canceled" } });
      const last = (await rowsOf(store, id))[2];
      expect(last).toMatchObject({ reason: "canceled", sentence: "Canceled." });
      expect(await followed).toMatchObject([{ seq: 1, body: { type: "status", status: "canceled" } }]);
      expect(await store.queue.claimNext(anyRun)).toBeNull();
      // Whoever drives the going one still does.
      await fail(store, going);
      expect(await store.batches.cancel(id, moves)).toEqual([]);
      expect(await store.batches.cancel(ids.batch(), moves)).toBeNull();
    });

    test("cancel of one that has ended changes nothing", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a"] });
      await endRun(store, await claim(store));
      expect(await store.batches.cancel(id, moves)).toEqual([]);
      expect(await store.batches.find(id)).toMatchObject({ batch: { state: "running" } });
    });

    test("cancel meets those who claim and renew, and every run ends in one way", async () => {
      await using place = await open();
      const stores = [place.store, await place.open()];
      const repositories = range(1, 60).map((n) => `ada/${n}`);
      const id = await launch(place.store, { repositories });
      const going = await Promise.all(range(0, 19).map((n) => claim(stores[n % 2] ?? place.store)));
      const renew = (one: Claim, n: number) => stores[n % 2]?.queue.renew(one.run.id, one.fence, n);
      const [, ...late] = await Promise.all([
        place.store.batches.cancel(id, moves),
        ...range(0, 9).map((n) => stores[n % 2]?.queue.claimNext(anyRun)),
        ...going.map(renew),
        ...going.toReversed().map(renew),
      ]);
      expect(late).toHaveLength(50);
      const statuses = new Set((await rowsOf(place.store, id)).map(({ status }) => status));
      expect(statuses).toEqual(new Set(["canceled", "canceling"]));
    });

    test("retry replaces those that ended badly, once, whoever asks at the same moment, and keeps what they were launched with", async () => {
      await using place = await open();
      const { store } = place;
      const other = await place.open();
      const id = await launch(store, { repositories: ["ada/a", "ada/b", "ada/c"] });
      const task = await createTask(store);
      await endRun(store, await claim(store));
      const bad = await claim(store);
      await store.runs.patch(bad.run.id, bad.fence, { usage: { costUsd: 1, inputTokens: 0, outputTokens: 0, turns: 0 } });
      await fail(store, bad);
      await store.tasks.delete(bad.run.taskId);
      const made = await Promise.all([store, other, store].map((one) => one.batches.retry(id)));
      expect(made.flatMap((one) => one ?? [])).toHaveLength(1);
      const [again] = made.flatMap((one) => one ?? []);
      const rows = await rowsOf(store, id);
      expect(rows.map(({ runId, tries, status }) => [runId === again, tries, status])).toEqual([
        [false, 1, "succeeded"],
        [true, 2, "queued"],
        [false, 1, "queued"],
      ]);
      const run = await store.runs.find(again ?? bad.run.id);
      expect(run).toMatchObject({
        steps: bad.run.steps,
        limits: bad.run.limits,
        repository: "ada/b",
        reason: null,
        startedAt: null,
        usage: { costUsd: 0 },
        batch: { id, place: 2, tries: 2, mark: null },
      });
      expect((await store.runs.find(bad.run.id))?.batch).toMatchObject({ tries: 1, mark: "replaced" });
      const found = await store.batches.find(id);
      expect(found?.runs).toBe(3);
      expect(found?.tallies.find(({ mark }) => mark === "replaced")).toMatchObject({ count: 1, costUsd: 1 });
      expect(await store.batches.retry(ids.batch())).toBeNull();
      expect(task.name).toBe("Fix the build");
    });

    test("what could not be pushed, and was later, counts as delivered, and is not launched again", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a", "ada/b", "ada/c"] });
      const [late, never, looked] = [await claim(store), await claim(store), await claim(store)];
      for (const one of [late, never]) await fail(store, one, "push_failed");
      // Somebody pushed this one to look at it: its checks failed all the same.
      await fail(store, looked);
      const save = (one: Claim, state: Delivered["state"]) =>
        store.deliveries.save(one.run.id, { delivered: delivered({ state }), additionalRepositories: [] });
      await save(never, "failed");
      await save(late, "failed");
      await save(late, "delivered");
      await save(looked, "delivered");
      const tallies = (await store.batches.find(id))?.tallies.map(({ reason, isDelivered, count }) => [
        reason,
        isDelivered,
        count,
      ]);
      expect(tallies?.toSorted()).toEqual([
        ["check_failed", true, 1],
        ["push_failed", false, 1],
        ["push_failed", true, 1],
      ]);
      await store.batches.retry(id);
      expect((await rowsOf(store, id)).map(({ runId, tries }) => [runId === late.run.id, tries])).toEqual([
        [true, 1],
        [false, 2],
        [false, 2],
      ]);
    });

    test("retry lets a canceled batch run again, and a paused one wait", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a"] });
      await store.batches.cancel(id, moves);
      expect(await store.batches.retry(id)).toHaveLength(1);
      expect(await store.batches.find(id)).toMatchObject({ batch: { state: "running" } });
      await fail(store, await claim(store));
      await store.batches.setState(id, { from: ["running"], to: "paused" });
      expect(await store.batches.retry(id)).toHaveLength(1);
      expect(await store.queue.claimNext(anyRun)).toBeNull();
      expect((await rowsOf(store, id))[0]).toMatchObject({ tries: 3, status: "queued" });
    });

    test("choose marks one of a group, closes the others, and can choose another one later", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { attempts: 4 });
      const [one, two] = [await claim(store), await claim(store)];
      const third = await claim(store);
      await endRun(store, one);
      await fail(store, two);
      const { chosen, closed, moved } = await store.batches.choose(one.run.id, moves);
      expect(chosen).toMatchObject({ id: one.run.id, batch: { mark: "chosen" } });
      expect(closed).toHaveLength(3);
      expect(moved.map((run) => run.status).toSorted()).toEqual(["canceled", "canceling"]);
      const marks = async () => (await rowsOf(store, id)).map(({ mark, status }) => [mark, status]);
      const others = range(1, 4).map(() => [null, "queued"]);
      expect(await marks()).toEqual([
        ["chosen", "succeeded"],
        ["closed", "failed"],
        ["closed", "canceling"],
        ["closed", "canceled"],
        ...others,
      ]);
      // What is closed is not launched again.
      expect(await store.batches.retry(id)).toEqual([]);
      expect(await store.batches.choose(one.run.id, moves)).toMatchObject({ closed, moved: [] });
      await store.batches.choose(two.run.id, moves);
      expect((await marks()).slice(0, 3)).toEqual([
        ["closed", "succeeded"],
        ["chosen", "failed"],
        ["closed", "canceling"],
      ]);
      expect(await errorOf(store.batches.choose(third.run.id, moves))).toMatchObject({ code: "conflict" });
      const last = (await readAll(store, (await rowsOf(store, id))[3]?.runId ?? one.run.id)).at(-1);
      expect(last?.body).toMatchObject({ type: "status", status: "canceled" });
    });

    test("choose refuses a run that competes with none, that goes on, that was replaced, and that is not there", async () => {
      await using place = await open();
      const { store } = place;
      const alone = await claimRun(store);
      await endRun(store, alone);
      const refused = async (id = ids.run()) => (await errorOf(store.batches.choose(id, moves))).message;
      expect(await refused(alone.run.id)).toContain("is in no batch");
      const id = await launch(store, { repositories: ["ada/a"] });
      const bad = await claim(store);
      expect(await refused(bad.run.id)).toContain("only a run that has ended");
      await fail(store, bad);
      await store.batches.retry(id);
      expect(await refused(bad.run.id)).toContain("was replaced");
      expect(await errorOf(store.batches.choose(ids.run(), moves))).toMatchObject({ code: "not_found" });
    });

    test("a batch goes with the last of its runs", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store);
      const both = [await claim(store), await claim(store)];
      for (const one of both) await endRun(store, one);
      const [first, second] = both.map(({ run }) => run.id);
      expect(await store.upkeep.deleteRun(first ?? ids.run())).toBe(true);
      expect(await store.batches.find(id)).toMatchObject({ runs: 2, tallies: [{ count: 1 }] });
      expect(await store.upkeep.deleteRun(second ?? ids.run())).toBe(true);
      expect(await store.batches.find(id)).toBeNull();
      expect(await store.batches.list({ limit: 10 })).toEqual([]);
    });
  });
};

/** Runs that are launched together. */
