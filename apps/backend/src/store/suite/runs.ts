import { FINAL_STATUSES, RUN_STATUSES, type Run, RunLimits } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import {
  anyRun,
  claimRun,
  createClock,
  createTask,
  errorOf,
  find,
  ids,
  newRun,
  note,
  type OpenPlace,
  own,
  queueRun,
  sampleDiff,
  server,
} from "./place.ts";

const describeCreating = (open: OpenPlace): void => {
  describe("runs: creating and listing", () => {
    test("copies the task: a later edit does not change the run", async () => {
      const clock = createClock();
      await using place = await open({ now: clock.now });
      const task = await createTask(place.store, "before");
      const limits = RunLimits.parse({ turns: 7, cpus: 0.5 });
      const run = await queueRun(place.store, { task, ref: "main", model: "opus", limits, priority: 7 });
      await place.store.tasks.update({ id: task.id, name: "after", steps: [{ instructions: "other", checks: "" }] });
      expect(run).toEqual({
        id: run.id,
        taskId: task.id,
        taskName: "before",
        taskVersion: null,
        steps: task.steps,
        parameters: {},
        allowNoChanges: false,
        delivery: null,
        delivered: null,
        continues: null,
        environment: null,
        repository: "ada/engine",
        ref: "main",
        directory: null,
        additionalRepositories: [],
        model: "opus",
        limits,
        permissionMode: "bypassPermissions",
        asks: false,
        allowedHosts: [],
        network: "none",
        networkBy: null,
        questions: [],
        priority: 7,
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
        batch: null,
      } satisfies Run);
      expect(await place.store.runs.find(run.id)).toEqual(run);
      expect(await place.store.runs.find(ids.run())).toBeNull();
    });

    test("keeps texts with characters that no database can keep, also for a launch that is repeated", async () => {
      await using place = await open();
      const task = await createTask(place.store, "a\u0000b");
      const launch = newRun(task, { ref: "main\u0000", model: "\ud800", idempotencyKey: "k\u0000" });
      const { run } = await place.store.runs.create(launch);
      expect(run).toMatchObject({ taskName: "a\ufffdb", ref: "main\ufffd", model: "\ufffd" });
      expect(await place.store.runs.find(run.id)).toEqual(run);
      const claim = await place.store.queue.claimNext(anyRun);
      const patched = await place.store.runs.patch(run.id, claim?.fence ?? 0, { sentence: "It said \u0000." });
      expect(patched.sentence).toBe("It said \ufffd.");
      expect(await place.store.runs.create({ ...launch, model: "\ufffd" })).toMatchObject({
        created: false,
        run: { id: run.id },
      });
    });

    test("reads what is newer than a stored follow-up as nothing", async () => {
      await using place = await open();
      const { store } = place;
      const first = await queueRun(store);
      const stored = `{"runId":"${first.id}","because":"person","number":0,"lastComment":null}`;
      const next = await queueRun(store, { continues: JSON.parse(stored) });
      expect((await store.runs.find(next.id))?.continues).toMatchObject({ runId: first.id, lastComments: {}, fromKept: [] });
    });

    test("gives the same run for the same key of the same task, also to two stores at once", async () => {
      await using place = await open();
      const other = await place.open();
      const task = await createTask(place.store);
      const stores = [place.store, other, place.store, other];
      const made = await Promise.all(
        stores.map((store, index) => store.runs.create(newRun(task, { idempotencyKey: "k", priority: index }))),
      );
      expect(new Set(made.map(({ run }) => run.id)).size).toBe(1);
      expect(new Set(made.map(({ run }) => run.priority)).size).toBe(1);
      expect(made.filter(({ created }) => created)).toHaveLength(1);
      const elsewhere = await place.store.runs.create(newRun(await createTask(place.store), { idempotencyKey: "k" }));
      const keyless = await place.store.runs.create(newRun(task));
      expect([elsewhere.created, keyless.created]).toEqual([true, true]);
      expect(await place.store.runs.list({ limit: 10 })).toHaveLength(3);
    });

    test.each([
      { what: { repository: "ada/other" }, named: "another value for repository" },
      { what: { ref: "main" }, named: "another value for ref" },
      { what: { model: "opus" }, named: "another value for model" },
      { what: { limits: RunLimits.parse({ turns: 3 }) }, named: "another value for limits" },
      { what: { ref: "v1", limits: RunLimits.parse({ stepSeconds: 60 }) }, named: "other values for ref and limits" },
    ])("refuses a key that was seen with something else: $named", async ({ what, named }) => {
      await using place = await open();
      const task = await createTask(place.store);
      const { run } = await place.store.runs.create(newRun(task, { idempotencyKey: "k" }));
      const again = place.store.runs.create(newRun(task, { idempotencyKey: "k", ...what }));
      expect(await errorOf(again)).toMatchObject({
        code: "conflict",
        message: expect.stringMatching(new RegExp(`"k" belongs to the run ${run.id}, which has ${named}\\. Use another key`)),
      });
      // Limits are compared one by one, in whatever order they stand.
      const turned = Object.fromEntries(Object.entries(run.limits).toReversed());
      const same = await place.store.runs.create(newRun(task, { idempotencyKey: "k", limits: RunLimits.parse(turned) }));
      expect(same).toEqual({ run, created: false });
      expect(await place.store.runs.list({ limit: 10 })).toEqual([run]);
    });

    test("changes the priority of a run that is queued, and of no other", async () => {
      await using place = await open();
      const { runs } = place.store;
      const waiting = await queueRun(place.store);
      expect(await runs.setPriority(waiting.id, -5)).toEqual({ ...waiting, priority: -5 });
      expect(await runs.find(waiting.id)).toEqual({ ...waiting, priority: -5 });
      const { run } = await claimRun(place.store);
      expect(await runs.setPriority(run.id, 5)).toBeNull();
      expect(await runs.find(run.id)).toEqual(run);
      expect(await runs.setPriority(ids.run(), 5)).toBeNull();
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
          store.runs.advance(run.id, { from: ["starting"], to: "running", patch: { stepIndex: 0 } }),
        ),
      );
      expect(moved.filter((result) => result !== null)).toEqual([{ ...run, status: "running", stepIndex: 0 }]);
      expect(await place.store.runs.advance(ids.run(), { from: ["starting"], to: "running" })).toBeNull();
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

    test("keeps how far the work is, and for how long it went on, for whoever takes it over", async () => {
      await using place = await open();
      const { store } = place;
      const claim = await claimRun(store);
      const { id } = claim.run;
      expect(claim).toMatchObject({ progress: null, activeMs: 0 });
      const progress = {
        stepIndex: 2,
        attempt: 1,
        startedMs: 5,
        phase: { kind: "checks", checkout: null, begun: 2, passed: 1 },
      } as const;
      expect(await store.runs.patch(id, claim.fence, { progress, activeMs: 1234.4 })).toEqual(claim.run);
      const lease = async () => find(await store.queue.leases(), id);
      const second = await store.queue.takeOver(await lease(), server);
      expect(second).toEqual({ ...claim, run: claim.run, fence: claim.fence + 1, progress, activeMs: 1234 });
      await store.runs.patch(id, claim.fence + 1, { activeMs: 7 * 24 * 3600 * 1000 });
      expect(await store.queue.takeOver(await lease(), server)).toMatchObject({ progress, activeMs: 604_800_000 });
      // Far more than any run may take, and still a number that every engine has.
      await store.runs.patch(id, claim.fence + 2, { activeMs: 1e15 });
      expect(await store.queue.takeOver(await lease(), server)).toMatchObject({ activeMs: 2 ** 31 - 1 });
    });

    test.each(FINAL_STATUSES)("a run that is %s never changes again", async (final) => {
      await using place = await open();
      const { store } = place;
      const { run, fence } = await claimRun(store);
      await store.runs.saveDiff(run.id, fence, sampleDiff);
      const ended = await store.runs.advance(run.id, { from: ["starting"], to: final, fence });
      expect(await store.runs.advance(run.id, { from: [...RUN_STATUSES], to: "running", fence })).toBeNull();
      expect(await store.runs.advance(run.id, { from: [final], to: final })).toBeNull();
      const late = [
        store.runs.patch(run.id, fence, { sentence: "late" }),
        store.runs.saveDiff(run.id, fence, { ...sampleDiff, patch: "late" }),
        store.transcript.append(run.id, fence, own(1, note("late"))),
      ];
      for (const write of await Promise.allSettled(late)) {
        expect(write).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining(`ended (${final})`) } });
      }
      expect(await store.runs.find(run.id)).toEqual(ended);
      expect(await store.runs.findDiff(run.id)).toEqual(sampleDiff);
      expect(await store.queue.claimNext(anyRun)).toBeNull();
    });

    test("keeps the last diff, as it came", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      expect(await place.store.runs.findDiff(run.id)).toBeNull();
      await place.store.runs.saveDiff(run.id, fence, { ...sampleDiff, patch: "first" });
      await place.store.runs.saveDiff(run.id, fence, sampleDiff);
      expect(await (await place.open()).runs.findDiff(run.id)).toEqual(sampleDiff);
    });

    test("says so when the run is not there", async () => {
      await using place = await open();
      const { store } = place;
      const id = ids.run();
      expect(await errorOf(store.runs.patch(id, 1, {}))).toMatchObject({ code: "not_found" });
      expect(await errorOf(store.runs.saveDiff(id, 1, sampleDiff))).toMatchObject({ code: "not_found" });
      expect(await errorOf(store.transcript.append(id, 1, own(1, note("x"))))).toMatchObject({ code: "not_found" });
    });
  });
};

export const describeRuns = (open: OpenPlace): void => {
  describeCreating(open);
  describeWriting(open);
};
