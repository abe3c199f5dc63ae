import { FINAL_STATUSES, RUN_STATUSES, type Run, RunLimits, type WorkspaceDiff } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { FenceLostError } from "../types.ts";
import { claimRun, createClock, createTask, endRun, errorOf, ids, newRun, note, type OpenPlace, queueRun } from "./place.ts";

const diff: WorkspaceDiff = {
  baseCommit: "a".repeat(40),
  headCommit: "b".repeat(40),
  files: [{ path: "a b/ü.ts", oldPath: null, status: "modified", additions: 1, deletions: null }],
  patch: "--- a\n+++ b\n\u0000",
  truncated: false,
};

const describeCreating = (open: OpenPlace): void => {
  describe("runs: creating and listing", () => {
    test("copies the task: a later edit does not change the run", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const task = await createTask(place.store, "before");
      const limits = RunLimits.parse({ turns: 7, cpus: 0.5 });
      const run = await queueRun(place.store, { task, ref: "main", model: "opus", limits });
      await place.store.tasks.update({ id: task.id, name: "after", steps: [{ instructions: "other", checks: "" }] });
      expect(run).toEqual({
        id: run.id,
        taskId: task.id,
        taskName: "before",
        steps: task.steps,
        repository: "ada/engine",
        ref: "main",
        model: "opus",
        limits,
        status: "queued",
        reason: null,
        sentence: null,
        stepIndex: null,
        instanceId: null,
        driver: null,
        baseCommit: null,
        headCommit: null,
        usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 },
        lastSeq: 0,
        createdAt: clock.now().toISOString(),
        startedAt: null,
        endedAt: null,
      } satisfies Run);
      expect(await place.store.runs.find(run.id)).toEqual(run);
      expect(await place.store.runs.find(ids.run())).toBeNull();
    });

    test("gives the same run for the same key of the same task, also to two stores at once", async () => {
      await using place = await open();
      const other = await place.open();
      const task = await createTask(place.store);
      const stores = [place.store, other, place.store, other];
      const made = await Promise.all(
        stores.map((store, index) => store.runs.create(newRun(task, { idempotencyKey: "k", repository: `ada/${index}` }))),
      );
      expect(new Set(made.map(({ run }) => run.id)).size).toBe(1);
      expect(new Set(made.map(({ run }) => run.repository)).size).toBe(1);
      expect(made.filter(({ created }) => created)).toHaveLength(1);
      const elsewhere = await place.store.runs.create(newRun(await createTask(place.store), { idempotencyKey: "k" }));
      const keyless = await place.store.runs.create(newRun(task));
      expect([elsewhere.created, keyless.created]).toEqual([true, true]);
      expect(await place.store.runs.list({ limit: 10 })).toHaveLength(3);
    });

    test("lists in pages, newest first, without losing or doubling runs of one millisecond", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const task = await createTask(place.store);
      const made: Run[] = [];
      for (let n = 0; n < 25; n++) {
        made.push(await queueRun(place.store, { task }));
        if (n % 10 === 0) clock.advance(1);
      }
      const paged: Run[] = [];
      for (let before: Run | undefined; ; before = paged.at(-1)) {
        const page = await place.store.runs.list({ limit: 4, ...(before !== undefined && { before: before.id }) });
        if (page.length === 0) break;
        paged.push(...page);
      }
      expect(paged).toEqual(made.toReversed());
      expect(await errorOf(place.store.runs.list({ limit: 4, before: ids.run() }))).toMatchObject({ code: "not_found" });
    });

    test("filters by task and by statuses, also together and with a page's beginning", async () => {
      await using place = await open();
      const { store } = place;
      const [one, two] = [await createTask(store, "one"), await createTask(store, "two")];
      const a = await queueRun(store, { task: one });
      const b = await queueRun(store, { task: two });
      const c = await queueRun(store, { task: one });
      const d = await queueRun(store, { task: one });
      await store.runs.advance(c.id, { from: ["queued"], to: "canceled", patch: { reason: "canceled" } });
      const listed = async (input: Parameters<typeof store.runs.list>[0]) => (await store.runs.list(input)).map(({ id }) => id);
      expect(await listed({ taskId: one.id, limit: 9 })).toEqual([d.id, c.id, a.id]);
      expect(await listed({ status: ["queued", "running"], limit: 9 })).toEqual([d.id, b.id, a.id]);
      expect(await listed({ taskId: one.id, status: ["queued"], before: d.id, limit: 9 })).toEqual([a.id]);
      expect(await listed({ status: [], limit: 9 })).toEqual([]);
      expect(await listed({ taskId: ids.task(), limit: 9 })).toEqual([]);
    });

    test("lists what is unfinished, oldest first", async () => {
      await using place = await open();
      const { store } = place;
      const runs = [];
      for (const status of RUN_STATUSES) {
        const run = await queueRun(store);
        if (status !== "queued") await store.runs.advance(run.id, { from: ["queued"], to: status });
        runs.push({ id: run.id, status });
      }
      const extra = await queueRun(store);
      const open_ = runs.filter(({ status }) => !FINAL_STATUSES.some((final) => final === status));
      expect((await store.runs.listUnfinished()).map(({ id }) => id)).toEqual([...open_.map(({ id }) => id), extra.id]);
    });
  });
};

const describeClaiming = (open: OpenPlace): void => {
  describe("runs: claiming", () => {
    test("claims the oldest, and null when nothing is queued", async () => {
      await using place = await open();
      expect(await place.store.runs.claimNext()).toBeNull();
      const first = await queueRun(place.store);
      const second = await queueRun(place.store);
      expect(await place.store.runs.claimNext()).toEqual({ run: { ...first, status: "starting" }, fence: 1 });
      expect((await place.store.runs.claimNext())?.run.id).toBe(second.id);
      expect(await place.store.runs.claimNext()).toBeNull();
    });

    test("never gives one run to two claimers", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      for (let n = 0; n < 40; n++) await queueRun(place.store, { task });
      const stores = [place.store, await place.open(), await place.open()];
      const claimed = await Promise.all(Array.from({ length: 60 }, (_, n) => stores[n % stores.length]?.runs.claimNext()));
      const got = claimed.flatMap((claim) => (claim ? [claim.run.id] : []));
      expect(got).toHaveLength(40);
      expect(new Set(got).size).toBe(40);
    });

    test("a taken-over run locks the one before out of every write", async () => {
      await using place = await open();
      const { store } = place;
      const old = await claimRun(store);
      const { id } = old.run;
      const taken = await store.runs.takeOver(id);
      expect(taken?.fence).toBe(old.fence + 1);
      const lost = [
        store.runs.patch(id, old.fence, { stepIndex: 1 }),
        store.runs.saveDiff(id, old.fence, diff),
        store.transcript.append(id, old.fence, [note("mine")]),
        store.transcript.append(id, old.fence, []),
        store.transcript.appendSpooled(id, old.fence, { instanceId: ids.instance(), events: [] }),
      ];
      for (const write of await Promise.allSettled(lost)) {
        expect(write).toMatchObject({ status: "rejected", reason: expect.any(FenceLostError) });
      }
      expect(await store.runs.advance(id, { from: ["queued"], to: "running", fence: old.fence })).toBeNull();
      expect(await store.runs.findDiff(id)).toBeNull();
      expect(await store.runs.find(id)).toEqual(taken?.run);
      expect(await store.runs.patch(id, old.fence + 1, { stepIndex: 1 })).toMatchObject({ stepIndex: 1 });
    });

    test("takes nothing over that is final or not there", async () => {
      await using place = await open();
      const claim = await claimRun(place.store);
      await endRun(place.store, claim);
      expect(await place.store.runs.takeOver(claim.run.id)).toBeNull();
      expect(await place.store.runs.takeOver(ids.run())).toBeNull();
    });
  });
};

const describeWriting = (open: OpenPlace): void => {
  describe("runs: writing", () => {
    test("advances once when many try", async () => {
      await using place = await open();
      const other = await place.open();
      const { run } = await claimRun(place.store);
      const moved = await Promise.all(
        [place.store, other, place.store, other].map((store) =>
          store.runs.advance(run.id, { from: ["queued"], to: "running", patch: { stepIndex: 0 } }),
        ),
      );
      expect(moved.filter((result) => result !== null)).toEqual([{ ...run, status: "running", stepIndex: 0 }]);
      expect(await place.store.runs.advance(ids.run(), { from: ["queued"], to: "running" })).toBeNull();
    });

    test("writes each field of a patch, sets one back to null, and leaves the others", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const patch = {
        reason: "check_failed",
        sentence: "A check's fault",
        stepIndex: 3,
        instanceId: ids.instance(),
        driver: "docker",
        baseCommit: "a".repeat(40),
        headCommit: "b".repeat(40),
        usage: { costUsd: 0.125, inputTokens: 2 ** 40, outputTokens: 2, turns: 3 },
        startedAt: "2026-11-22T20:39:28.000Z",
        endedAt: "2026-11-22T20:39:29.000Z",
      } as const;
      expect(await place.store.runs.patch(run.id, fence, patch)).toEqual({ ...run, ...patch });
      expect(await place.store.runs.patch(run.id, fence, { driver: null })).toEqual({ ...run, ...patch, driver: null });
      expect(await place.store.runs.patch(run.id, fence, {})).toEqual({ ...run, ...patch, driver: null });
    });

    test.each(FINAL_STATUSES)("a run that is %s never changes again", async (final) => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      await store.runs.saveDiff(run.id, fence, diff);
      const ended = await store.runs.advance(run.id, { from: ["queued"], to: final, fence });
      expect(await store.runs.advance(run.id, { from: [...RUN_STATUSES], to: "running", fence })).toBeNull();
      expect(await store.runs.advance(run.id, { from: [final], to: final })).toBeNull();
      const late = [
        store.runs.patch(run.id, fence, { sentence: "late" }),
        store.runs.saveDiff(run.id, fence, { ...diff, patch: "late" }),
        store.transcript.append(run.id, fence, [note("late")]),
      ];
      for (const write of await Promise.allSettled(late)) {
        expect(write).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining(`ended (${final})`) } });
      }
      expect(await store.runs.find(run.id)).toEqual(ended);
      expect(await store.runs.findDiff(run.id)).toEqual(diff);
      expect(await store.runs.claimNext()).toBeNull();
    });

    test("keeps the last diff, as it came", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      expect(await place.store.runs.findDiff(run.id)).toBeNull();
      await place.store.runs.saveDiff(run.id, fence, { ...diff, patch: "first" });
      await place.store.runs.saveDiff(run.id, fence, diff);
      expect(await (await place.open()).runs.findDiff(run.id)).toEqual(diff);
    });

    test("says so when the run is not there", async () => {
      await using place = await open();
      const { store } = place;
      const id = ids.run();
      expect(await errorOf(store.runs.patch(id, 1, {}))).toMatchObject({ code: "not_found" });
      expect(await errorOf(store.runs.saveDiff(id, 1, diff))).toMatchObject({ code: "not_found" });
      expect(await errorOf(store.transcript.append(id, 1, [note("x")]))).toMatchObject({ code: "not_found" });
    });
  });
};

export const describeRuns = (open: OpenPlace): void => {
  describeCreating(open);
  describeClaiming(open);
  describeWriting(open);
};
