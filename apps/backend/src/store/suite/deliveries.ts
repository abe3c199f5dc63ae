import { type Delivered, DeliverySettings } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { delivered } from "./delivered.ts";
import { claimRun, createTask, endRun, errorOf, ids, newRun, type OpenPlace } from "./place.ts";

const settings = DeliverySettings.parse({ to: "pull_request", branch: "work/{run}", reviewers: ["ada"], labels: ["a,b"] });

const alone = (one: Delivered) => ({ delivered: one, additionalRepositories: [] });

export const describeDeliveries = (open: OpenPlace): void => {
  describe("deliveries", () => {
    test("a task says where results go, until it is told otherwise, and a run has its own", async () => {
      await using place = await open();
      const { tasks, runs } = place.store;
      const steps = [{ instructions: "x", checks: "" }];
      const task = await tasks.create({ name: "T", steps, allowNoChanges: false, delivery: settings });
      expect(await tasks.find(task.id)).toMatchObject({ delivery: settings });
      expect((await tasks.update({ id: task.id, name: "U" }))?.delivery).toEqual(settings);
      const { run } = await runs.create(newRun(task, { delivery: settings }));
      expect((await tasks.update({ id: task.id, delivery: null }))?.delivery).toBeNull();
      expect(await runs.find(run.id)).toMatchObject({ delivery: settings, delivered: null });
      expect((await createTask(place.store)).delivery).toBeNull();
    });

    test("a launch that is repeated with another delivery is a conflict", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      const launch = newRun(task, { delivery: settings, idempotencyKey: "k" });
      const { run } = await place.store.runs.create(launch);
      expect(await place.store.runs.create({ ...launch, delivery: { ...settings } })).toMatchObject({
        created: false,
        run: { id: run.id },
      });
      const error = await errorOf(place.store.runs.create({ ...launch, delivery: null }));
      expect(error).toMatchObject({ code: "conflict", message: expect.stringContaining("for delivery") });
    });

    test("what became of it is kept with the run: by its driver while it goes on, by anybody when it has ended", async () => {
      await using place = await open();
      const { runs, deliveries } = place.store;
      const claim = await claimRun(place.store);
      const { id } = claim.run;
      const pushing = delivered({ state: "pushing", commit: null, isPushed: false, pullRequest: null });
      expect((await runs.patch(id, claim.fence, { deliveries: alone(pushing) })).delivered).toEqual(pushing);
      expect(await deliveries.save(id, alone(delivered()))).toBeNull();
      expect((await runs.find(id))?.delivered).toEqual(pushing);
      await endRun(place.store, claim);
      expect((await deliveries.save(id, alone(delivered())))?.delivered).toEqual(delivered());
      expect(await (await place.open()).runs.find(id)).toMatchObject({ delivered: delivered() });
      expect(await deliveries.save(ids.run(), alone(delivered()))).toBeNull();
    });

    test("are those of all repositories of a run, beside what else is known of each", async () => {
      await using place = await open();
      const { runs, deliveries } = place.store;
      const named = { repository: "ada/web", ref: "next", directory: "web" };
      const claim = await claimRun(place.store, { directory: "engine", additionalRepositories: [named] });
      const { id } = claim.run;
      const untouched = { ...named, baseCommit: null, headCommit: null, delivered: null };
      expect(claim.run).toMatchObject({ repository: "ada/engine", directory: "engine", additionalRepositories: [untouched] });
      const known = { ...untouched, baseCommit: "b".repeat(40), headCommit: "c".repeat(40) };
      const patched = await runs.patch(id, claim.fence, { additionalRepositories: [known] });
      expect(patched.additionalRepositories).toEqual([known]);
      const there = { ...known, delivered: delivered({ commit: "d".repeat(40) }) };
      await runs.patch(id, claim.fence, { deliveries: { delivered: null, additionalRepositories: [there] } });
      expect(await deliveries.list({ repository: "ada/web", branch: "work/one" })).toEqual([there.delivered]);
      expect(await deliveries.list({ repository: "ada/engine", branch: "work/one" })).toEqual([]);
      await endRun(place.store, claim);
      const followed = { ...there, delivered: delivered({ isFollowed: true }) };
      const saved = await deliveries.save(id, { delivered: delivered(), additionalRepositories: [followed] });
      expect(saved).toMatchObject({ delivered: delivered(), additionalRepositories: [followed] });
      expect((await deliveries.listFollowed()).map((run) => run.id)).toEqual([id]);
      expect(await (await place.open()).runs.find(id)).toEqual(saved);
    });

    test("a launch that is repeated with another repository beside it, or another folder, is a conflict", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      const beside = [{ repository: "ada/web", ref: null, directory: "web" }];
      const launch = newRun(task, { directory: "engine", additionalRepositories: beside, idempotencyKey: "k" });
      const { run } = await place.store.runs.create(launch);
      expect(await place.store.runs.create({ ...launch })).toEqual({ run, created: false });
      for (const [change, named] of [
        [{ additionalRepositories: [] }, "additionalRepositories"],
        [{ additionalRepositories: [{ repository: "ada/web", ref: "next", directory: "web" }] }, "additionalRepositories"],
        [{ directory: "other" }, "directory"],
      ] as const)
        expect(await errorOf(place.store.runs.create({ ...launch, ...change }))).toMatchObject({
          code: "conflict",
          message: expect.stringContaining(`another value for ${named}`),
        });
    });

    test("is listed by repository and branch, of the newest run first", async () => {
      await using place = await open();
      const { runs, deliveries } = place.store;
      const deliver = async (repository: string, change: Partial<Delivered>): Promise<void> => {
        const claim = await claimRun(place.store, { repository });
        await runs.patch(claim.run.id, claim.fence, { deliveries: alone(delivered(change)) });
      };
      await deliver("ada/engine", { commit: "1".repeat(40) });
      await deliver("ada/engine", { commit: "2".repeat(40) });
      await deliver("ada/engine", { commit: "3".repeat(40), branch: "work/other" });
      await deliver("ada/other", { commit: "4".repeat(40) });
      const found = await deliveries.list({ repository: "ada/engine", branch: "work/one" });
      expect(found.map(({ commit }) => commit?.[0])).toEqual(["2", "1"]);
      expect(await deliveries.list({ repository: "ada/engine", branch: "none" })).toEqual([]);
    });

    test("is listed by repository also where that is one of several, whatever its name is made of", async () => {
      await using place = await open();
      const { runs, deliveries } = place.store;
      const odd = '/srv/a"b\\c_d%e';
      for (const [index, repository] of [odd, "ada/web", '/srv/a"b_c_d%e'].entries()) {
        const additionalRepositories = [{ repository, ref: null, directory: "beside" }];
        const claim = await claimRun(place.store, { directory: "engine", additionalRepositories });
        const there = { ...claim.run.additionalRepositories[0], delivered: delivered({ commit: `${index}`.repeat(40) }) };
        const beside = { repository, ref: null, directory: "beside", baseCommit: null, headCommit: null, ...there };
        await runs.patch(claim.run.id, claim.fence, { deliveries: { delivered: null, additionalRepositories: [beside] } });
      }
      const firstOf = async (repository: string) =>
        (await deliveries.list({ repository, branch: "work/one" })).map(({ commit }) => commit?.[0]);
      expect([await firstOf(odd), await firstOf("ada/web"), await firstOf("ada/engine")]).toEqual([["0"], ["1"], []]);
    });
  });
};
