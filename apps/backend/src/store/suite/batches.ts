import type { BatchId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Move } from "../batch-types.ts";
import type { Claim, Claimer, Store } from "../types.ts";
import {
  anyRun,
  claimRun,
  createClock,
  createTask,
  endRun,
  errorOf,
  type GivenBatch,
  ids,
  newBatch,
  type OpenPlace,
  otherServer,
  range,
  readAll,
  sampleDiff,
  server,
} from "./place.ts";

const moves: Move[] = [
  {
    from: ["queued"],
    to: "canceled",
    patch: { reason: "canceled", sentence: "Canceled.", endedAt: "2026-11-22T21:00:00.000Z" },
    message: { source: "runner", body: { type: "status", status: "canceled", reason: "canceled", sentence: "Canceled." } },
  },
  { from: ["starting", "running", "waiting"], to: "canceling" },
];

const launch = async (store: Store, given: GivenBatch = {}): Promise<BatchId> =>
  (await store.batches.create(await newBatch(store, given))).batch.id;

const rowsOf = (store: Store, id: BatchId, group?: number) => store.batches.rows({ id, after: 0, limit: 1000, group });

const claim = async (store: Store, claimer: Claimer = anyRun): Promise<Claim> => {
  const got = await store.queue.claimNext(claimer);
  if (got === null) throw new Error("nothing could be claimed");
  return got;
};

const fail = async (store: Store, { run, fence }: Claim): Promise<void> => {
  const from = ["starting", "running", "canceling"] as const;
  const patch = { reason: "check_failed" as const, sentence: "It failed.", endedAt: "2026-11-22T20:30:00.000Z" };
  if ((await store.runs.advance(run.id, { from, to: "failed", fence, patch })) === null) throw new Error("it could not be ended");
};

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

const describeDecisions = (open: OpenPlace): void => {
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
export const describeBatches = (open: OpenPlace): void => {
  describeCreate(open);
  describeQueue(open);
  describeFigures(open);
  describeDecisions(open);
};
