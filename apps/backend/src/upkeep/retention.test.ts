import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { Continuation, type RetentionRules, type RunId, ServerId } from "@ccr/protocol";
import { createGitRepository } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { mirrorName } from "../git/mirrors.ts";
import { createRetention, type RetentionOptions } from "./retention.ts";
import { daysAgo, never, openPlace, type Place } from "./testing/place.ts";

const FOR_EVER: RetentionRules = {
  runsDays: null,
  workDays: null,
  mirrorsDays: null,
  setupsDays: null,
  setupsMb: null,
  images: null,
};

const retentionOf = (place: Place, rules: Partial<RetentionRules>, options: Partial<RetentionOptions> = {}) =>
  createRetention({
    store: place.store,
    folders: place.folders,
    mirrors: place.mirrors,
    work: place.work,
    setups: place.setups,
    images: place.images,
    rules: { ...FOR_EVER, ...rules },
    log: place.log,
    clock: place.time.clock,
    ...options,
  });

const image = (reference: string, days: number, flags: { isCurrent?: boolean; inUse?: boolean } = {}) => ({
  reference,
  bytes: 100,
  createdAt: daysAgo(days),
  isCurrent: false,
  inUse: false,
  ...flags,
});

const names = async (folder: string): Promise<string[]> => (await readdir(folder)).toSorted();

describe("retention", () => {
  it("removes nothing when everything is kept for ever", async () => {
    await using place = await openPlace();
    const run = await place.end(await place.addRun(), 4000);
    await place.keep(run);
    await place.addMirror("other/one", 4000);
    place.images.set([image("a", 4000), image("b", 4001)]);
    expect(await retentionOf(place, {}).sweep(never())).toEqual([]);
    expect(await names(place.folders.work)).toEqual([run.id]);
    expect(await place.store.runs.find(run.id)).not.toBeNull();
  });

  it("removes old runs with all that is kept of them, and leaves younger ones and those that go on", async () => {
    await using place = await openPlace();
    const old = await place.end(await place.addRun(), 91);
    const young = await place.end(await place.addRun(), 89);
    const going = await place.addRun();
    for (const run of [old, young, going]) await place.keep(run);
    const swept = await retentionOf(place, { runsDays: 90 }).sweep(never());
    expect(swept).toEqual([{ kind: "runs", count: 1, bytes: expect.any(Number), problems: [] }]);
    expect(swept[0]?.bytes).toBeGreaterThan(8 * 1024);
    expect(await place.store.runs.find(old.id)).toBeNull();
    expect(await names(place.folders.work)).toEqual([young.id, going.id].toSorted());
    expect(await names(place.folders.audit)).toEqual([`${young.id}.ndjson`, `${going.id}.ndjson`].toSorted());
    expect(place.lines).toEqual(["info retention removed runs"]);
  });

  it("leaves a run whose sandbox is still to be taken down", async () => {
    await using place = await openPlace();
    const run = await place.addRun();
    await place.addInstance(run);
    await place.end(run, 100);
    await place.keep(run);
    expect(await retentionOf(place, { runsDays: 1 }).sweep(never())).toMatchObject([{ count: 0, problems: [] }]);
    expect(await names(place.folders.work)).toEqual([run.id]);
    expect(await place.store.runs.find(run.id)).not.toBeNull();
  });

  it("removes more runs than it lists at once, also when some cannot be removed", async () => {
    await using place = await openPlace();
    const runs = [];
    for (let index = 0; index < 130; index++) runs.push(await place.end(await place.addRun(), 100 - index / 10));
    const stuck = new Set(runs.slice(0, 110).map(({ id }) => id));
    const upkeep = {
      ...place.store.upkeep,
      deleteRun: async (id: RunId) => {
        if (stuck.has(id)) throw new Error("database is locked");
        return place.store.upkeep.deleteRun(id);
      },
    };
    const [swept] = await retentionOf(place, { runsDays: 30 }, { store: { ...place.store, upkeep } }).sweep(never());
    expect(swept).toMatchObject({ kind: "runs", count: 20 });
    expect(swept?.problems).toHaveLength(11);
    expect(swept?.problems.at(-1)).toBe("And 100 more.");
    expect(place.lines[1]).toMatch(/^warn retention: Run run_\w+ could not be removed: database is locked$/);
    expect(await retentionOf(place, { runsDays: 30 }).sweep(never())).toMatchObject([{ count: 110 }]);
  });

  it("removes the kept work of runs that ended long ago, and not their transcripts", async () => {
    await using place = await openPlace();
    const old = await place.end(await place.addRun(), 31);
    const young = await place.end(await place.addRun(), 29);
    const going = await place.addRun();
    for (const run of [old, young, going]) await utimes(await place.keep(run), daysAgo(400), daysAgo(400));
    expect(await retentionOf(place, { workDays: 30 }).sweep(never())).toMatchObject([{ kind: "work", count: 1 }]);
    expect(await names(place.folders.work)).toEqual([young.id, going.id].toSorted());
    expect(await place.store.runs.find(old.id)).not.toBeNull();
    // The records of requests are the run's.
    expect(await names(place.folders.audit)).toHaveLength(3);
  });

  it("leaves a run, and what is kept of it, from which another one is to go on", async () => {
    await using place = await openPlace();
    const run = await place.end(await place.addRun(), 100);
    await utimes(await place.keep(run), daysAgo(400), daysAgo(400));
    const next = await place.addRun(
      "acme/slugs",
      Continuation.parse({ runId: run.id, because: "person", number: 0, lastComment: null }),
    );
    const retention = retentionOf(place, { workDays: 30, runsDays: 60 });
    expect(await retention.sweep(never())).toMatchObject([{ count: 0 }, { count: 0 }]);
    expect(await names(place.folders.work)).toEqual([run.id]);
    await place.end(next, 0);
    expect(await retention.sweep(never())).toMatchObject([{ kind: "runs", count: 1 }, { kind: "work" }]);
    expect(await names(place.folders.work)).toEqual([]);
  });

  it("removes what set-ups left and nobody used for long, and what is too much, but nothing that a run needs", async () => {
    await using place = await openPlace();
    const key = (letter: string) => letter.repeat(64);
    const run = await place.addRun();
    const claim = await place.store.queue.claimNext({
      owner: ServerId.parse("srv_0000000001"),
      perRepository: null,
      perTask: null,
    });
    await place.store.runs.patch(run.id, claim?.fence ?? 0, { prepared: { baseImage: null, setup: key("a") } });
    for (const [letter, days, kib] of [
      ["a", 100, 8],
      ["b", 15, 8],
      ["c", 13, 700],
      ["d", 2, 400],
      ["e", 1, 500],
    ] as const)
      await place.addSetup(key(letter), days, kib);
    const held = await place.setups.take(key("b"));
    expect(await retentionOf(place, { setupsDays: 14 }).sweep(never())).toMatchObject([{ kind: "setups", count: 0 }]);
    held?.[Symbol.dispose]();
    await utimes(`${place.setups.folder}/${key("b")}`, daysAgo(15), daysAgo(15));
    expect(await retentionOf(place, { setupsDays: 14 }).sweep(never())).toMatchObject([{ kind: "setups", count: 1 }]);
    expect(await retentionOf(place, { setupsMb: 1 }).sweep(never())).toMatchObject([{ count: 1, bytes: 700 * 1024 }]);
    expect(await names(place.setups.folder)).toEqual([key("a"), key("d"), key("e")]);
    expect(await retentionOf(place, {}).remove([{ kind: "setups", olderThanDays: 0 }], never())).toMatchObject([{ count: 2 }]);
    expect(await names(place.setups.folder)).toEqual([key("a")]);
  });

  it("does not touch a run that ends while it looks, as long as it is not old", async () => {
    await using place = await openPlace();
    const run = await place.addRun();
    await place.keep(run);
    const find: Place["store"]["runs"]["find"] = async (id) => {
      await place.end(run, 0).catch(() => {});
      return place.store.runs.find(id);
    };
    const store = { ...place.store, runs: { ...place.store.runs, find } };
    const retention = retentionOf(place, { workDays: 1, runsDays: 1, mirrorsDays: 1 }, { store });
    await place.addMirror("acme/slugs", 300);
    expect((await retention.sweep(never())).map(({ count }) => count)).toEqual([0, 0, 0]);
    expect((await place.store.runs.find(run.id))?.status).toBe("canceled");
    expect(await names(place.folders.work)).toEqual([run.id]);
    expect(await names(place.folder.join("mirrors"))).toHaveLength(1);
  });

  it("leaves what is left of unknown runs for a month, whatever a person asks for, and then takes it", async () => {
    await using place = await openPlace();
    const lost = await place.keep({ id: "run_0000000000lost" });
    const retention = retentionOf(place, {});
    await utimes(lost, daysAgo(29), daysAgo(29));
    await utimes(`${place.folders.audit}/run_0000000000lost.ndjson`, daysAgo(31), daysAgo(31));
    expect(await retention.remove([{ kind: "work", olderThanDays: 0 }], never())).toMatchObject([{ count: 1 }]);
    expect(await names(place.folders.work)).toEqual(["run_0000000000lost"]);
    expect(await names(place.folders.audit)).toEqual([]);
    await utimes(lost, daysAgo(31), daysAgo(31));
    expect(await retention.remove([{ kind: "work", olderThanDays: 0 }], never())).toMatchObject([{ count: 1 }]);
    expect(await names(place.folders.work)).toEqual([]);
  });

  it("leaves alone what was put there by somebody else, and follows no link", async () => {
    await using place = await openPlace();
    const run = await place.end(await place.addRun(), 300);
    await mkdir(place.folder.join("precious"));
    await writeFile(place.folder.join("precious", "file"), "x");
    await symlink(place.folder.join("precious"), `${place.folders.work}/${run.id}`);
    await symlink(place.folder.join("precious"), place.folder.join("mirrors", "0123456789abcdef-link.git"));
    for (const folder of [place.folders.work, place.folders.audit, place.folder.join("mirrors")]) {
      await mkdir(`${folder}/my notes`);
      await writeFile(`${folder}/README`, "mine");
      await utimes(`${folder}/README`, daysAgo(900), daysAgo(900));
      await utimes(`${folder}/my notes`, daysAgo(900), daysAgo(900));
    }
    const retention = retentionOf(place, {});
    const countsOf = async (...kinds: ("work" | "mirrors" | "runs")[]) =>
      (
        await retention.remove(
          kinds.map((kind) => ({ kind, olderThanDays: 0 })),
          never(),
        )
      ).map(({ count, problems }) => ({ count, problems }));
    expect(await countsOf("work", "mirrors")).toEqual([
      { count: 0, problems: [] },
      { count: 0, problems: [] },
    ]);
    expect(await countsOf("runs")).toEqual([{ count: 1, problems: [] }]);
    expect(await names(place.folder.join("precious"))).toEqual(["file"]);
    for (const folder of [place.folders.work, place.folders.audit, place.folder.join("mirrors")]) {
      expect(await names(folder)).toEqual(expect.arrayContaining(["README", "my notes"]));
    }
  });

  it("removes mirrors that nobody used, but none that a run or kept work needs", async () => {
    await using place = await openPlace();
    const unused = await place.addMirror("acme/unused", 31);
    const queued = await place.addMirror("acme/queued", 31);
    const kept = await place.addMirror("acme/kept", 31);
    const young = await place.addMirror("acme/young", 29);
    await place.addRun("acme/queued");
    const done = await place.end(await place.addRun("acme/kept"), 29);
    await place.keep(done);
    await place.end(await place.addRun("acme/unused"), 29);
    const retention = retentionOf(place, { mirrorsDays: 30, workDays: 30 });
    expect((await retention.sweep(never())).map(({ kind, count }) => `${kind} ${count}`)).toEqual(["work 0", "mirrors 1"]);
    expect(await names(place.folder.join("mirrors"))).toEqual([queued, kept, young].toSorted());
    expect(unused).not.toBe(kept);
    // Its work goes first, in whatever order they are named.
    const orders = (["mirrors", "work"] as const).map((kind) => ({ kind, olderThanDays: 0 }));
    expect((await retention.remove(orders, never())).map(({ kind, count }) => `${kind} ${count}`)).toEqual([
      "work 1",
      "mirrors 2",
    ]);
    expect(await names(place.folder.join("mirrors"))).toEqual([queued]);
  });

  it("leaves a mirror to which kept work holds on, also when nobody knows the run", async () => {
    await using place = await openPlace();
    const path = place.folder.join("mirrors", mirrorName("acme/pinned"));
    const commit = await (await createGitRepository({ path, bare: true, files: { "a.txt": "1" } })).commitId();
    expect(await place.pins.pin(path, { name: "run_0000000000lost", commit }, never())).toBe(true);
    await utimes(path, daysAgo(300), daysAgo(300));
    const retention = retentionOf(place, { mirrorsDays: 30 });
    expect(await retention.sweep(never())).toMatchObject([{ count: 0 }]);
    await place.pins.unpin(path, { name: "run_0000000000lost", except: null }, never());
    await utimes(path, daysAgo(300), daysAgo(300));
    expect(await retention.sweep(never())).toMatchObject([{ count: 1 }]);
    expect(await names(place.folder.join("mirrors"))).toEqual([]);
  });

  it("leaves a mirror that is being fetched, or that was while it looked", async () => {
    await using place = await openPlace();
    const name = await place.addMirror("acme/busy", 300);
    const retention = retentionOf(place, { mirrorsDays: 30 });
    {
      using _fetching = await place.use.enter(place.folder.join("mirrors", name));
      expect(await retention.sweep(never())).toMatchObject([{ count: 0, problems: [] }]);
    }
    const mirrors = {
      ...place.mirrors,
      list: async () => {
        const listed = await place.mirrors.list();
        await utimes(place.folder.join("mirrors", name), daysAgo(0), daysAgo(0));
        return listed;
      },
    };
    expect(await retentionOf(place, { mirrorsDays: 30 }, { mirrors }).sweep(never())).toMatchObject([{ count: 0 }]);
    expect(await names(place.folder.join("mirrors"))).toEqual([name]);
  });

  it("keeps the newest images, the one that is current, and those in use", async () => {
    await using place = await openPlace();
    place.images.set([
      image("oldest-current", 50, { isCurrent: true }),
      image("old", 40),
      image("old-used", 30, { inUse: true }),
      image("new", 20),
      image("newest", 10),
    ]);
    expect(await retentionOf(place, { images: 2 }).sweep(never())).toMatchObject([{ kind: "images", count: 2, bytes: 200 }]);
    expect((await place.images.list()).map(({ reference }) => reference)).toEqual(["oldest-current", "old-used", "newest"]);
  });

  it("goes on with the other kinds when one cannot be looked through", async () => {
    await using place = await openPlace();
    const run = await place.end(await place.addRun(), 300);
    await place.keep(run);
    const list = async (): Promise<never> => {
      throw new Error("There is no Docker Engine.");
    };
    const mirrors = { ...place.mirrors, list };
    const retention = retentionOf(
      place,
      { workDays: 1, mirrorsDays: 1, images: 1 },
      { mirrors, images: { ...place.images, list } },
    );
    expect((await retention.sweep(never())).map(({ kind, count }) => `${kind} ${count}`)).toEqual([
      "work 1",
      "mirrors 0",
      "images 0",
    ]);
    expect(place.lines).toEqual([
      "info retention removed work",
      "warn retention: The mirrors could not be looked through: There is no Docker Engine.",
      "warn retention: The images could not be looked through: There is no Docker Engine.",
    ]);
  });

  it("ends what a kill has left half done", async () => {
    await using place = await openPlace();
    const run = await place.end(await place.addRun(), 300);
    await place.keep(run);
    // Killed after the work went, and before the run's row did.
    await place.work.remove(run.id);
    const retention = retentionOf(place, { workDays: 1, runsDays: 100 });
    expect((await retention.sweep(never())).map(({ count }) => count)).toEqual([1, 0]);
    expect(await names(place.folders.audit)).toEqual([]);
    expect(await place.store.runs.find(run.id)).toBeNull();
    expect((await retention.sweep(never())).map(({ count }) => count)).toEqual([0, 0]);
  });

  it("stops in the middle when it is told to, and goes on the next time", async () => {
    await using place = await openPlace();
    for (let index = 0; index < 5; index++) await place.keep(await place.end(await place.addRun(), 300));
    const stop = new AbortController();
    const find: Place["store"]["runs"]["find"] = async (id) => {
      if ((await names(place.folders.work)).length === 3) stop.abort(new Error("the server stops"));
      return place.store.runs.find(id);
    };
    const store = { ...place.store, runs: { ...place.store.runs, find } };
    await expect(retentionOf(place, { workDays: 1 }, { store }).sweep(stop.signal)).rejects.toThrow("the server stops");
    expect((await names(place.folders.work)).length).toBeGreaterThan(0);
    await retentionOf(place, { workDays: 1 }).sweep(never());
    expect(await names(place.folders.work)).toEqual([]);
  });

  it("does one thing at a time, so that nothing is counted twice", async () => {
    await using place = await openPlace();
    await place.keep(await place.end(await place.addRun(), 300));
    const retention = retentionOf(place, { workDays: 1 });
    const both = await Promise.all([retention.sweep(never()), retention.remove([{ kind: "work", olderThanDays: 1 }], never())]);
    expect(both.flat().map(({ count }) => count)).toEqual([1, 0]);
  });
});
