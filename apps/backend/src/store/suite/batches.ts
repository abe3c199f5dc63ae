import type { BatchId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Claim } from "../types.ts";
import { describeDecisions } from "./batch-decisions.ts";
import { claim, launch, rowsOf } from "./batch-place.ts";
import {
  anyRun,
  claimRun,
  createClock,
  endRun,
  errorOf,
  ids,
  newBatch,
  type OpenPlace,
  otherServer,
  range,
  sampleDiff,
  server,
} from "./place.ts";

const describeCreate = (open: OpenPlace): void => {
  describe("batches: created", () => {
    test("with all of their runs, each with its part, in the order in which they are claimed", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const input = await newBatch(store, { attempts: 2, variantLabels: ["small", "large"], maxConcurrent: 3 });
      const { batch, created } = await store.batches.create(input);
      expect(created).toBe(true);
      expect(batch).toEqual({
        id: batch.id,
        taskId: input.task.id,
        taskName: input.task.name,
        name: "Many",
        state: "running",
        maxConcurrent: 3,
        attempts: 2,
        variants: input.variants,
        groups: 2,
        createdAt: clock.now().toISOString(),
      });
      const parts = (await rowsOf(store, batch.id)).map(({ place, repository, group, variant, attempt, tries, mark }) => [
        [place, group, attempt, tries],
        repository,
        variant,
        mark,
      ]);
      expect(parts).toEqual([
        [[1, 1, 1, 1], "ada/a", "small", null],
        [[2, 1, 2, 1], "ada/a", "small", null],
        [[3, 1, 1, 1], "ada/a", "large", null],
        [[4, 1, 2, 1], "ada/a", "large", null],
        [[5, 2, 1, 1], "ada/b", "small", null],
        [[6, 2, 2, 1], "ada/b", "small", null],
        [[7, 2, 1, 1], "ada/b", "large", null],
        [[8, 2, 2, 1], "ada/b", "large", null],
      ]);
      expect((await rowsOf(store, batch.id, 2)).map((row) => row.place)).toEqual([5, 6, 7, 8]);
      expect((await store.batches.rows({ id: batch.id, after: 3, limit: 2 })).map((row) => row.place)).toEqual([4, 5]);
      const { run } = await claim(store);
      expect(run.batch).toEqual({ id: batch.id, group: 1, variant: "small", attempt: 1, place: 1, tries: 1, mark: null });
      const listed = await store.runs.list({ batchId: batch.id, limit: 100 });
      expect(listed.map((one) => one.batch?.place)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
      expect(await store.batches.find(batch.id)).toMatchObject({ batch, runs: 8 });
      expect(await store.batches.find(ids.batch())).toBeNull();
    });

    test("once for each key of a task, and refused when the key comes with something else, also at two servers at once", async () => {
      await using place = await open();
      const stores = [place.store, await place.open()];
      const input = await newBatch(place.store, { idempotencyKey: "k", request: { repositories: ["a"], attempts: 1 } });
      const made = await Promise.all([0, 1, 0, 1].map((index) => stores[index]?.batches.create(input)));
      expect(new Set(made.map((one) => one?.batch.id)).size).toBe(1);
      expect(made.filter((one) => one?.created)).toHaveLength(1);
      expect(await place.store.runs.list({ limit: 100 })).toHaveLength(2);
      const other = { ...input, request: { repositories: ["b"], attempts: 2 } };
      expect(await errorOf(place.store.batches.create(other))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("other values for repositories and attempts"),
      });
      expect(await place.store.runs.list({ limit: 100 })).toHaveLength(2);
    });

    test("as a whole or not at all", async () => {
      await using place = await open();
      const { store } = place;
      const input = await newBatch(store, { repositories: range(1, 150).map((n) => `ada/${n}`) });
      const bent = input.members.map((member, index) => ({
        ...member,
        run: index === 149 ? { ...member.run, priority: Number.NaN } : member.run,
      }));
      await errorOf(store.batches.create({ ...input, members: bent }));
      expect(await store.batches.list({ limit: 10 })).toEqual([]);
      expect(await store.runs.list({ limit: 10 })).toEqual([]);
    });

    test("and are listed the newest first, page by page", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const all: BatchId[] = [];
      for (const _ of range(1, 3)) {
        all.unshift(await launch(store));
        clock.advance(1);
      }
      const idsOf = (page: { batch: { id: BatchId } }[]) => page.map(({ batch }) => batch.id);
      const first = await store.batches.list({ limit: 2 });
      expect(idsOf(first)).toEqual(all.slice(0, 2));
      expect(idsOf(await store.batches.list({ limit: 2, before: all[1] }))).toEqual(all.slice(2));
      expect(await errorOf(store.batches.list({ limit: 2, before: ids.batch() }))).toMatchObject({ code: "not_found" });
    });
  });
};

const describeQueue = (open: OpenPlace): void => {
  describe("batches: in the queue", () => {
    test("never have more runs going than they may, and hold up nobody else", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a", "ada/b", "ada/c"], maxConcurrent: 2 });
      const [one] = [await claim(store), await claim(store)];
      expect(await store.queue.claimNext(anyRun)).toBeNull();
      const alone = await claimRun(store);
      expect(alone.run.batch).toBeNull();
      const held = () => store.queue.queued({ perRepository: null, perTask: null });
      expect((await held()).map(({ heldBy }) => heldBy)).toEqual(["batch"]);
      await endRun(store, one);
      expect((await held()).map(({ heldBy }) => heldBy)).toEqual([null]);
      expect((await claim(store)).run.batch).toMatchObject({ id, place: 3 });
    });

    test("let nothing more start while they are paused, and what goes on go on", async () => {
      await using place = await open();
      const { store } = place;
      const id = await launch(store);
      const going = await claim(store);
      expect(await store.batches.setState(id, { from: ["running"], to: "paused" })).toMatchObject({ state: "paused" });
      expect(await store.batches.setState(id, { from: ["running"], to: "paused" })).toBeNull();
      expect(await store.queue.claimNext(anyRun)).toBeNull();
      const [held] = await store.queue.queued({ perRepository: null, perTask: null });
      expect(held).toMatchObject({ heldBy: "paused" });
      await endRun(store, going);
      expect(await store.queue.claimNext(anyRun)).toBeNull();
      await store.batches.setState(id, { from: ["paused"], to: "running" });
      expect((await claim(store)).run.batch).toMatchObject({ id, place: 2 });
    });

    test("servers that race for their runs never get one twice, nor more than the batch lets go on, nor any of a paused one", async () => {
      await using place = await open();
      const stores = [place.store, await place.open(), await place.open()];
      const repositories = range(1, 60).map((n) => `ada/${n}`);
      const [narrow, wide] = [
        await launch(place.store, { repositories, maxConcurrent: 4 }),
        await launch(place.store, { repositories: repositories.slice(0, 20) }),
      ];
      const got: string[] = [];
      let going: Claim[] = [];
      for (let round = 0; got.length < 80; round++) {
        expect(round).toBeLessThan(100);
        // In every other round one of them is paused while the others claim: what was claimed before that resolved is all there is.
        const pausing = round % 2 === 0 ? place.store.batches.setState(wide, { from: ["running"], to: "paused" }) : null;
        const claims = await Promise.all(
          range(0, 8).map((n) => stores[n % 3]?.queue.claimNext({ ...anyRun, owner: n % 2 === 0 ? server : otherServer })),
        );
        const fresh = claims.flatMap((one) => one ?? []);
        going.push(...fresh);
        got.push(...fresh.map(({ run }) => run.id));
        await pausing;
        const later = await Promise.all(stores.map((store) => store.queue.claimNext(anyRun)));
        for (const one of later) {
          if (one === null) continue;
          if (round % 2 === 0) expect(one.run.batch?.id).toBe(narrow);
          going.push(one);
          got.push(one.run.id);
        }
        expect(going.filter(({ run }) => run.batch?.id === narrow).length).toBeLessThanOrEqual(4);
        await place.store.batches.setState(wide, { from: ["paused"], to: "running" });
        const ending = going.filter((_, index) => index % 2 === 0);
        going = going.filter((one) => !ending.includes(one));
        await Promise.all(ending.map((one, index) => endRun(stores[index % 3] ?? place.store, one)));
      }
      expect(new Set(got).size).toBe(80);
    }, 60_000);
  });
};

const describeFigures = (open: OpenPlace): void => {
  describe("batches: figures", () => {
    test("a row has what its run came to, as it is stored on the way", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const id = await launch(store, { repositories: ["ada/a"] });
      const before = await rowsOf(store, id);
      expect(before).toMatchObject([
        { status: "queued", checks: { passed: 0, total: 1 }, attemptsUsed: 0, costUsd: 0, diff: null },
      ]);
      const { run, fence } = await claim(store);
      const usage = { costUsd: 0.25, inputTokens: 1, outputTokens: 2, turns: 3 };
      const figures = [{ attempts: 2, passed: 1, total: 1 }];
      await store.runs.patch(run.id, fence, { usage, figures, startedAt: clock.now().toISOString() });
      await store.runs.saveDiff(run.id, fence, sampleDiff);
      await endRun(store, { run, fence });
      expect(await rowsOf(store, id)).toEqual([
        {
          ...before[0],
          status: "succeeded",
          reason: "passed",
          sentence: "Every step finished.",
          checks: { passed: 1, total: 1 },
          attemptsUsed: 2,
          costUsd: 0.25,
          startedAt: clock.now().toISOString(),
          diff: { files: 1, additions: 1, deletions: 0 },
        },
      ]);
      const { tallies } = (await store.batches.find(id)) ?? {};
      expect(tallies).toEqual([
        {
          status: "succeeded",
          reason: "passed",
          mark: null,
          isDelivered: false,
          count: 1,
          costUsd: 0.25,
          startedAt: clock.now().toISOString(),
          endedAt: null,
        },
      ]);
    });

    test("whoever takes a run over knows its figures", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      const figures = [{ attempts: 1, passed: 1, total: 1 }];
      await store.runs.patch(run.id, fence, { figures });
      const [lease] = await store.queue.leases();
      expect(lease && (await store.queue.takeOver(lease, otherServer))).toMatchObject({ figures });
    });
  });
};

export const describeBatches = (open: OpenPlace): void => {
  describeCreate(open);
  describeQueue(open);
  describeFigures(open);
  describeDecisions(open);
};
