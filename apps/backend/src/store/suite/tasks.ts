import { contentOf, NO_DEFAULTS, OVERVIEW_RUNS, TASK_VERSIONS_MAX, TaskParameter } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import type { OpenPlace, StorePlace } from "./place.ts";
import { claimRun, createClock, createTask, endRun, errorOf, ids, queueRun, range } from "./place.ts";

const parameters = [TaskParameter.parse({ type: "choice", name: "level", choices: ["a", "b"], default: "a" })];
const defaults = {
  repository: "ada/engine",
  ref: "main",
  model: "opus",
  limits: { turns: 7, budgetUsd: null },
  network: "packages",
} as const;

const describeVersions = (open: OpenPlace): void => {
  describe("versions of tasks", () => {
    test("keeps parameters and defaults as they came", async () => {
      await using place = await open();
      const steps = [{ instructions: "Do {{level}}", checks: "" }];
      const task = await place.store.tasks.create({ name: "T", steps, allowNoChanges: false, parameters, defaults });
      expect(task).toMatchObject({ parameters, defaults, version: 1 });
      expect(await (await place.open()).tasks.find(task.id)).toEqual(task);
      expect(await createTask(place.store)).toMatchObject({ parameters: [], defaults: NO_DEFAULTS, version: 1 });
    });

    test("each save makes a version and keeps the one before; one that changes nothing makes none", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const { tasks } = place.store;
      const first = await createTask(place.store, "first");
      expect(await tasks.listVersions(first.id)).toEqual([{ version: 1, savedAt: first.createdAt, content: contentOf(first) }]);
      clock.advance(1000);
      const second = await tasks.update({ id: first.id, name: "second", parameters, defaults });
      clock.advance(1000);
      expect(await tasks.update({ id: first.id, name: "second", steps: first.steps, parameters, defaults })).toEqual(second);
      const third = await tasks.update({ id: first.id, steps: [{ instructions: "else", checks: "" }] });
      expect([second?.version, third?.version]).toEqual([2, 3]);
      const versions = (await tasks.listVersions(first.id)) ?? [];
      expect(versions.map(({ version, savedAt, content }) => [version, savedAt, content.name])).toEqual([
        [3, third?.updatedAt, "second"],
        [2, second?.updatedAt, "second"],
        [1, first.updatedAt, "first"],
      ]);
      for (const version of versions) expect(await tasks.findVersion(first.id, version.version)).toEqual(version);
      expect(versions.map(({ content }) => content)).toEqual(
        [third, second, first].flatMap((task) => (task ? [contentOf(task)] : [])),
      );
      expect(await tasks.findVersion(first.id, 4)).toBeNull();
      expect(await tasks.findVersion(ids.task(), 1)).toBeNull();
      expect(await tasks.listVersions(ids.task())).toBeNull();
    });

    test("a save that began from another version is refused, and nothing of it is stored", async () => {
      await using place = await open();
      const { tasks } = place.store;
      const { id } = await createTask(place.store, "first");
      expect(await tasks.update({ id, name: "second", expectedVersion: 1 })).toMatchObject({ version: 2 });
      const refused = await errorOf(tasks.update({ id, name: "lost?", expectedVersion: 1 }));
      expect(refused).toMatchObject({ code: "conflict", message: expect.stringContaining("at version 2") });
      expect(await tasks.find(id)).toMatchObject({ name: "second", version: 2 });
      expect(await tasks.listVersions(id)).toHaveLength(2);
      expect(await tasks.update({ id: ids.task(), expectedVersion: 1 })).toBeNull();
    });

    test("of saves at the same moment one comes after the other, or is refused, on every store", async () => {
      await using place = await open();
      const other = await place.open();
      const { id } = await createTask(place.store, "0");
      const stores = [place.store, other];
      await Promise.all(range(1, 10).map((n) => stores[n % 2]?.tasks.update({ id, name: String(n) })));
      const versions = (await other.tasks.listVersions(id)) ?? [];
      expect(versions.map(({ version }) => version)).toEqual(range(1, 11).toReversed());
      expect(new Set(versions.map(({ content }) => content.name)).size).toBe(11);
      const tries = await Promise.allSettled(
        range(1, 6).map((n) => stores[n % 2]?.tasks.update({ id, name: `try ${n}`, expectedVersion: 11 })),
      );
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await place.store.tasks.find(id)).toMatchObject({ version: 12 });
    });

    test("keeps so many versions and no more, and goes with its task", async () => {
      await using place = await open();
      const { tasks } = place.store;
      const { id } = await createTask(place.store, "0");
      for (const n of range(1, TASK_VERSIONS_MAX + 5)) await tasks.update({ id, name: String(n) });
      const kept = (await tasks.listVersions(id)) ?? [];
      expect(kept.map(({ version }) => version)).toEqual(range(6, TASK_VERSIONS_MAX + 6).toReversed());
      expect(await tasks.findVersion(id, 5)).toBeNull();
      const neighbour = await createTask(place.store);
      await tasks.update({ id: neighbour.id, name: "x" });
      await tasks.delete(id);
      expect(await tasks.findVersion(id, 50)).toBeNull();
      expect(await tasks.listVersions(neighbour.id)).toHaveLength(2);
    });

    test("keeps fewer of a task that is very long, but the last one always", async () => {
      await using place = await open();
      const { tasks } = place.store;
      const { id } = await createTask(place.store);
      const long = (mark: string) =>
        range(1, 40).map((n) => ({ instructions: `${mark} ${n} ${"x".repeat(100_000)}`, checks: "" }));
      for (const mark of ["a", "b", "c", "d"]) await tasks.update({ id, steps: long(mark) });
      expect((await tasks.listVersions(id))?.map(({ version }) => version)).toEqual([5, 4]);
    });

    test("a run knows its version and the values of its parameters, and the same key with other values is refused", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      const given = { task, taskVersion: 1, parameters: { b: "2", a: "1\n'" }, idempotencyKey: "k" };
      const run = await queueRun(place.store, given);
      expect(run).toMatchObject({ taskVersion: 1, parameters: given.parameters });
      expect(await place.store.runs.find(run.id)).toEqual(run);
      expect((await queueRun(place.store, { ...given, parameters: { a: "1\n'", b: "2" } })).id).toBe(run.id);
      for (const parameters of [{ a: "1" }, {}]) {
        const refused = await errorOf(queueRun(place.store, { ...given, parameters }));
        expect(refused).toMatchObject({ code: "conflict", message: expect.stringContaining("another value for parameters") });
      }
    });
  });
};

/** Runs of a task that end one after the other, a second apart. */
const endedRuns = async (place: StorePlace, options: { count: number; clock: ReturnType<typeof createClock> }) => {
  const task = await createTask(place.store, `${options.count} runs`);
  const made = [];
  for (const cost of range(1, options.count)) {
    options.clock.advance(1000);
    const claim = await claimRun(place.store, { task });
    const usage = { costUsd: cost, inputTokens: 0, outputTokens: 0, turns: 0 };
    await place.store.runs.patch(claim.run.id, claim.fence, { usage });
    await endRun(place.store, claim);
    made.push({
      id: claim.run.id,
      status: "succeeded",
      reason: "passed",
      createdAt: claim.run.createdAt,
      isDelivered: false,
      costUsd: cost,
    });
  }
  return { task, newestFirst: made.toReversed() };
};

const describeOverview = (open: OpenPlace): void => {
  describe("overview of tasks", () => {
    test("has every task, the newest first, with its last runs and no others", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const many = await endedRuns(place, { count: OVERVIEW_RUNS + 3, clock });
      const few = await endedRuns(place, { count: 2, clock });
      clock.advance(1000);
      const none = await createTask(place.store, "none");
      const gone = await endedRuns(place, { count: 1, clock });
      await place.store.tasks.delete(gone.task.id);
      expect(await place.store.tasks.overview()).toEqual([
        { task: none, lastRuns: [] },
        { task: few.task, lastRuns: few.newestFirst },
        { task: many.task, lastRuns: many.newestFirst.slice(0, OVERVIEW_RUNS) },
      ]);
    });

    test("has no more than the last runs when many were launched in one moment", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const task = await createTask(place.store);
      for (const _ of range(1, OVERVIEW_RUNS * 2)) await queueRun(place.store, { task });
      const [one] = await place.store.tasks.overview();
      const newest = (await place.store.runs.list({ taskId: task.id, limit: OVERVIEW_RUNS })).map(({ id }) => id);
      expect(one?.lastRuns.map(({ id }) => id)).toEqual(newest);
      expect(one?.lastRuns[0]).toMatchObject({ status: "queued", reason: null, costUsd: 0 });
    });
  });
};

export const describeTaskVersions = (open: OpenPlace): void => {
  describeVersions(open);
  describeOverview(open);
};
