import { describe, expect, test } from "vitest";
import { createTask, errorOf, newRun, type OpenPlace, queueRun } from "./place.ts";

const quickTask = { name: "Fix it", steps: [{ instructions: "Fix it\nnow", checks: "$ npm test" }], allowNoChanges: false };

export const describeQuickRuns = (open: OpenPlace): void => {
  describe("runs with a task of their own", () => {
    const launch = async (place: Awaited<ReturnType<OpenPlace>>, given: Parameters<typeof newRun>[1] = {}) => {
      const { task: _, ...run } = newRun(await createTask(place.store), given);
      return run;
    };

    test("makes both, and keeps the task out of the list until it is saved", async () => {
      await using place = await open();
      const { store } = place;
      const { run, created } = await store.quick.start(quickTask, await launch(place, { ref: "main" }));
      expect(created).toBe(true);
      expect(run).toMatchObject({ taskName: "Fix it", steps: quickTask.steps, ref: "main", status: "queued" });
      expect(await store.tasks.find(run.taskId)).toMatchObject({ name: "Fix it", isQuick: true });
      expect((await store.tasks.list()).map(({ id }) => id)).not.toContain(run.taskId);
      const saved = await store.tasks.update({ id: run.taskId, name: "Mend" });
      expect(saved).toMatchObject({ name: "Mend" });
      expect(saved).not.toHaveProperty("isQuick");
      expect((await store.tasks.list()).map(({ id }) => id)).toContain(run.taskId);
    });

    test("gives the same run for the same key, also to two stores at once", async () => {
      await using place = await open();
      const other = await place.open();
      const run = await launch(place, { idempotencyKey: "k" });
      const made = await Promise.all([place.store, other, place.store, other].map((store) => store.quick.start(quickTask, run)));
      expect(new Set(made.map((each) => each.run.id)).size).toBe(1);
      expect(made.filter(({ created }) => created)).toHaveLength(1);
      // Saving the task changes nothing about what was launched.
      await place.store.tasks.update({ id: made[0]?.run.taskId ?? (await createTask(place.store)).id, name: "Other" });
      expect(await place.store.quick.start(quickTask, run)).toMatchObject({ created: false });
      expect((await place.store.listing.page({ sort: "newest", limit: 9 })).runs).toHaveLength(1);
      expect((await place.store.quick.start(quickTask, { ...run, idempotencyKey: null })).created).toBe(true);
    });

    test("refuses a key that was used for something else, having made nothing", async () => {
      await using place = await open();
      const { store } = place;
      const run = await launch(place, { idempotencyKey: "k" });
      await store.quick.start(quickTask, run);
      const otherPrompt = { ...quickTask, steps: [{ instructions: "Something else", checks: "" }] };
      expect(await errorOf(store.quick.start(otherPrompt, run))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("prompt or checks"),
      });
      expect(await errorOf(store.quick.start(quickTask, { ...run, ref: "other" }))).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("ref"),
      });
      expect((await store.listing.page({ sort: "newest", limit: 9 })).runs).toHaveLength(1);
    });

    test("goes with the last run of it, unless it was saved", async () => {
      await using place = await open();
      const { store } = place;
      const end = async (saved: boolean) => {
        const { run } = await store.quick.start(quickTask, await launch(place));
        if (saved) await store.tasks.update({ id: run.taskId, name: "Saved" });
        await store.runs.advance(run.id, { from: ["queued"], to: "canceled", patch: { reason: "canceled" } });
        return run;
      };
      const [quick, saved] = [await end(false), await end(true)];
      const task = await store.tasks.find(quick.taskId);
      if (task === null) throw new Error("the task is not there");
      const second = await queueRun(store, { task });
      await store.upkeep.deleteRun(quick.id);
      await store.upkeep.deleteRun(saved.id);
      expect(await store.tasks.find(quick.taskId)).not.toBeNull();
      await store.runs.advance(second.id, { from: ["queued"], to: "canceled", patch: { reason: "canceled" } });
      await store.upkeep.deleteRun(second.id);
      expect(await store.tasks.find(quick.taskId)).toBeNull();
      expect(await store.tasks.find(saved.taskId)).not.toBeNull();
    });
  });
};
