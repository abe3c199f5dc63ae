import { CreateEnvironmentInput, type PageRunsInput, RUN_SORTS, type RunFilter, type RunId } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { Store } from "../types.ts";
import {
  claimRun,
  createClock,
  createTask,
  errorOf,
  find,
  ids,
  newBatch,
  type OpenPlace,
  queueRun,
  range,
  sampleDiff,
} from "./place.ts";

type Clock = ReturnType<typeof createClock>;

/** A run that was driven for so long, cost so much, and ended so. */
const ended = async (
  store: Store,
  clock: Clock,
  how: { seconds: number; costUsd?: number; to?: "succeeded" | "failed" | "errored"; sentence?: string } & Parameters<
    typeof claimRun
  >[1],
): Promise<RunId> => {
  const { seconds, costUsd = 0, to = "succeeded", sentence = "It ended.", ...given } = how;
  const { run, fence } = await claimRun(store, given);
  const startedAt = clock.now().toISOString();
  clock.advance(seconds * 1000);
  const usage = { costUsd, inputTokens: 1, outputTokens: 1, turns: 1 };
  await store.runs.advance(run.id, {
    from: ["starting"],
    to,
    fence,
    patch: {
      startedAt,
      endedAt: clock.now().toISOString(),
      usage,
      sentence,
      reason: to === "failed" ? "check_failed" : "passed",
    },
  });
  return run.id;
};

const pageOf = (store: Store, input: Partial<PageRunsInput>) => store.listing.page({ sort: "newest", limit: 50, ...input });

/** All pages, one after the other; `between` is called before each but the first. */
const paged = async (
  store: Store,
  input: Partial<PageRunsInput>,
  between: () => Promise<unknown> = async () => {},
): Promise<RunId[]> => {
  const all: RunId[] = [];
  for (let cursor: string | undefined; ; ) {
    const { runs, next } = await pageOf(store, { limit: 3, ...input, ...(cursor !== undefined && { cursor }) });
    all.push(...runs.map(({ id }) => id));
    if (next === null) return all;
    cursor = next;
    await between();
  }
};

const describeSorting = (open: OpenPlace): void => {
  test("sorts by launch, duration, cost and end, page by page, also among equals", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const made: RunId[] = [];
    for (const [seconds, costUsd] of [
      [30, 0.5],
      [5, 2],
      [30, 0],
      [600, 0.5],
      [1, 9],
    ] as const)
      made.push(await ended(store, clock, { seconds, costUsd }));
    const [a, b, c, d, e] = made;
    const waiting = (await queueRun(store)).id;
    expect(await paged(store, {})).toEqual([waiting, e, d, c, b, a]);
    expect(await paged(store, { sort: "oldest" })).toEqual([a, b, c, d, e, waiting]);
    expect(await paged(store, { sort: "longest" })).toEqual([d, c, a, b, e, waiting]);
    expect(await paged(store, { sort: "costliest" })).toEqual([e, b, d, a, waiting, c]);
    expect(await paged(store, { sort: "ended" })).toEqual([e, d, c, b, a]);
  });

  test("counts a run that goes on as far as it is", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const short = await ended(store, clock, { seconds: 10 });
    const { run, fence } = await claimRun(store);
    expect((await pageOf(store, { sort: "longest" })).runs.map(({ id }) => id)).toEqual([short, run.id]);
    await store.queue.renew(run.id, fence, 60_000);
    expect((await pageOf(store, { sort: "longest" })).runs.map(({ id }) => id)).toEqual([run.id, short]);
  });

  test.each(RUN_SORTS)("gives each run once while others come in: %s", async (sort) => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const made: RunId[] = [];
    for (const seconds of range(1, 10)) made.push(await ended(store, clock, { seconds, costUsd: seconds % 3 }));
    const all = await paged(store, { sort }, () => ended(store, clock, { seconds: 5, costUsd: 1 }));
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(made));
  });

  test("goes on behind a run that was deleted", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const [a, b, c] = [
      await ended(store, clock, { seconds: 1 }),
      await ended(store, clock, { seconds: 1 }),
      await ended(store, clock, { seconds: 1 }),
    ];
    const { runs, next } = await pageOf(store, { limit: 2 });
    expect(runs.map(({ id }) => id)).toEqual([c, b]);
    await store.upkeep.deleteRun(b);
    expect((await pageOf(store, { cursor: next ?? "" })).runs.map(({ id }) => id)).toEqual([a]);
  });

  test.each(["", "x", "run_0123456789", "run_0123456789 x", "x 2026-01-01T00:00:00.000Z"])(
    "refuses the cursor %j",
    async (cursor) => {
      await using place = await open();
      expect(await errorOf(pageOf(place.store, { cursor }))).toMatchObject({ code: "bad_request" });
      expect(await errorOf(pageOf(place.store, { cursor: `${cursor} y`, sort: "longest" }))).toMatchObject({
        code: "bad_request",
      });
    },
  );
};

const describeFilters = (open: OpenPlace): void => {
  test("filters by task, repository, environment, batch, statuses and time, in every order", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const task = await createTask(store, "one");
    const a = await ended(store, clock, { task, seconds: 1, repository: "ada/a" });
    const b = await ended(store, clock, { task, seconds: 2, to: "failed", repository: "ada/b" });
    const c = await ended(store, clock, { seconds: 3, to: "failed", repository: "ada/a" });
    clock.advance(3_600_000);
    const since = clock.now().toISOString();
    const made = await store.environments.create(CreateEnvironmentInput.parse({ name: "E" }));
    const { version: _, createdAt: __, updatedAt: ___, ...environment } = made;
    const d = (await queueRun(store, { task, environment, repository: "ada/a" })).id;
    const { batch } = await store.batches.create(await newBatch(store, { repositories: ["ada/x", "ada/y"] }));
    const listed = async (filter: RunFilter): Promise<RunId[]> => {
      const found = await Promise.all(
        RUN_SORTS.filter((sort) => sort !== "ended").map(async (sort) =>
          (await paged(store, { sort, limit: 1, ...filter })).toSorted(),
        ),
      );
      for (const one of found) expect(one).toEqual(found[0]);
      return found[0] ?? [];
    };
    expect(await listed({ taskId: task.id })).toEqual([a, b, d]);
    expect(await listed({ repository: "ada/a" })).toEqual([a, c, d]);
    expect(await listed({ repository: "ada/a", status: ["failed"] })).toEqual([c]);
    expect(await listed({ status: ["failed", "succeeded"] })).toEqual([a, b, c]);
    expect(await listed({ taskId: task.id, status: ["failed", "queued"] })).toEqual([b, d]);
    expect(await listed({ taskId: task.id, since })).toEqual([d]);
    expect(await listed({ environmentId: made.id })).toEqual([d]);
    expect(await listed({ environmentId: made.id, taskId: task.id, status: ["failed"] })).toEqual([]);
    expect((await store.listing.counts({ environmentId: made.id })).statuses).toEqual({ queued: 1 });
    expect(await listed({ batchId: batch.id })).toHaveLength(2);
    expect(await listed({ status: [] })).toEqual([]);
    expect(await paged(store, { sort: "ended", status: ["failed"] })).toEqual([c, b]);
  });

  test("finds words in the name, the instructions, the repositories, the id and the end, in whatever case and order", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const steps = [{ instructions: 'Add the "Übersicht"\nby month', checks: "$ npm test" }];
    const task = await store.tasks.create({ name: "Monthly_report 100%", steps, allowNoChanges: false });
    const a = await ended(store, clock, { task, seconds: 1, to: "failed", sentence: "The check `npm test` FAILED." });
    const b = await ended(store, clock, { seconds: 1, repository: "ada/months", ref: "release" });
    const found = async (text: string) => (await pageOf(store, { text })).runs.map(({ id }) => id);
    expect(await found("MONTH")).toEqual([b, a]);
    expect(await found("month übersicht")).toEqual([a]);
    expect(await found("ÜBERSICHT\n by")).toEqual([a]);
    expect(await found("y_r 100%")).toEqual([a]);
    expect(await found("m%h")).toEqual([]);
    expect(await found("failed")).toEqual([a]);
    expect(await found("release ada/months")).toEqual([b]);
    expect(await found(b)).toEqual([b]);
    expect(await found("month nothing")).toEqual([]);
    expect(await found("  ")).toEqual([b, a]);
  });

  test("counts and selects by the same filters", async () => {
    const clock = createClock();
    await using place = await open({ now: clock.now });
    const { store } = place;
    const task = await createTask(store, "one");
    await ended(store, clock, { task, seconds: 1 });
    const b = await ended(store, clock, { task, seconds: 1, to: "failed" });
    await ended(store, clock, { seconds: 1, to: "failed", repository: "ada/other" });
    await queueRun(store);
    expect(await store.listing.counts({})).toEqual({ statuses: { succeeded: 1, failed: 2, queued: 1 }, isWhole: true });
    expect(await store.listing.counts({ taskId: task.id })).toEqual({ statuses: { succeeded: 1, failed: 1 }, isWhole: true });
    expect(await store.listing.counts({ text: "other" })).toEqual({ statuses: { failed: 1 }, isWhole: true });
    expect(await store.listing.select({ taskId: task.id, status: ["failed"] })).toEqual({
      runs: [{ id: b, status: "failed" }],
      isWhole: true,
    });
    expect(await store.listing.select({ status: [] })).toEqual({ runs: [], isWhole: true });
  });

  test("looks at so many at once, and goes on from there", { timeout: 60_000 }, async () => {
    await using place = await open();
    const { store } = place;
    const task = await createTask(store, "needle");
    const oldest = await queueRun(store, { task });
    const other = await createTask(store, "hay");
    for (let n = 0; n < 11; n++) {
      const batch = await newBatch(store, { repositories: range(1, 500).map((index) => `ada/r${index}`) });
      await store.batches.create({ ...batch, task: other });
    }
    const first = await pageOf(store, { text: "needle" });
    expect(first.runs).toEqual([]);
    expect(first.next).not.toBeNull();
    expect((await pageOf(store, { text: "needle", cursor: first.next ?? "" })).runs.map(({ id }) => id)).toEqual([oldest.id]);
    expect(await store.listing.counts({ text: "needle" })).toEqual({ statuses: {}, isWhole: false });
    expect(await store.listing.select({})).toMatchObject({ isWhole: false, runs: { length: 1000 } });
  });
};

export const describeLists = (open: OpenPlace): void => {
  describe("lists of runs", () => {
    describeSorting(open);
    describeFilters(open);

    test("tells the size of the diff, and which there are of some", async () => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      await store.runs.saveDiff(run.id, fence, sampleDiff);
      const expected = { id: run.id, diff: { files: 1, additions: 1, deletions: 0 } };
      expect((await pageOf(store, {})).runs).toMatchObject([expected]);
      expect(await store.listing.some([ids.run(), run.id])).toMatchObject([expected]);
    });

    test("names the repositories of the newest runs, each once, and the batches of those that wait", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      for (const repository of ["ada/a", "ada/b", "ada/a"]) {
        clock.advance(1);
        await queueRun(store, { repository });
      }
      expect((await store.listing.repositories()).map(({ repository }) => repository)).toEqual(["ada/a", "ada/b"]);
      const { batch } = await store.batches.create(await newBatch(store));
      const queued = await store.listing.queued();
      expect(queued.map((each) => each.batch?.name ?? null).toSorted()).toEqual(["Many", "Many", null, null, null]);
      expect(queued.filter((each) => each.batch?.id === batch.id)).toHaveLength(2);
    });

    test("tells what ended badly until somebody dismisses it", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const old = await ended(store, clock, { seconds: 1, to: "failed" });
      const endedAfter = clock.now().toISOString();
      const a = await ended(store, clock, { seconds: 1, to: "failed" });
      const b = await ended(store, clock, { seconds: 1, to: "errored" });
      const fine = await ended(store, clock, { seconds: 1 });
      const told = async () => (await store.attention.list({ endedAfter, limit: 10 })).map(({ id }) => id);
      expect(await told()).toEqual([b, a]);
      expect((await store.attention.list({ endedAfter, limit: 1 })).map(({ id }) => id)).toEqual([b]);
      expect(await store.attention.dismiss([a, fine, ids.run()], true)).toBe(1);
      expect(await told()).toEqual([b]);
      await store.attention.dismiss([a], false);
      expect(await told()).toEqual([b, a]);
      expect(await store.attention.dismiss([], true)).toBe(0);
      expect((await store.attention.list({ endedAfter: "2020-01-01T00:00:00.000Z", limit: 10 })).map(({ id }) => id)).toEqual([
        b,
        a,
        old,
      ]);
    });

    test("tells nothing of runs that their batch launched again", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { store } = place;
      const { batch } = await store.batches.create(await newBatch(store, { repositories: ["ada/a"] }));
      const [member] = await store.runs.list({ batchId: batch.id, limit: 1 });
      if (member === undefined) throw new Error("the batch has no run");
      await store.runs.advance(member.id, {
        from: ["queued"],
        to: "errored",
        patch: { endedAt: clock.now().toISOString(), reason: "internal", sentence: "Ours." },
      });
      const all = { endedAfter: "2020-01-01T00:00:00.000Z", limit: 10 };
      expect(find(await store.attention.list(all), member.id).status).toBe("errored");
      await store.batches.retry(batch.id);
      expect(await store.attention.list(all)).toEqual([]);
      // What took its place is found as it was.
      expect((await pageOf(store, { text: "ada/a" })).runs).toHaveLength(2);
    });
  });
};
