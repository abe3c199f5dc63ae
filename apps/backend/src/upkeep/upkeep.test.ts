import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { DiskReport, type RetentionRules } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { DAY_MS, daysAgo, NOW, openPlace, type Place } from "./testing/place.ts";
import { startUpkeep, type UpkeepOptions } from "./upkeep.ts";

const RULES: RetentionRules = { runsDays: 365, workDays: 30, mirrorsDays: 30, setupsDays: 14, setupsMb: 100, images: 1 };

const upkeepOf = (place: Place, options: Partial<UpkeepOptions> = {}) =>
  startUpkeep({
    store: place.store,
    folders: place.folders,
    mirrors: place.mirrors,
    work: place.work,
    setups: place.setups,
    images: place.images,
    guard: place.guard,
    rules: RULES,
    log: place.log,
    clock: place.time.clock,
    ...options,
  });

const untilWaiting = (place: Place) => waitFor(place.time.isWaited, { what: "the end of the sweep" });

/** Lets time pass, and what was to happen then happen. */
const after = async (place: Place, ms: number): Promise<void> => {
  await untilWaiting(place);
  place.time.pass(ms);
  place.time.ring();
  await untilWaiting(place);
};
const MINUTE_MS = 60_000;

describe("upkeep", () => {
  it("sweeps ten minutes after the start and then every hour, and ends when it is disposed of", async () => {
    await using place = await openPlace();
    const first = await place.end(await place.addRun(), 31);
    const second = await place.end(await place.addRun(), 29.99);
    for (const run of [first, second]) await place.keep(run);
    {
      await using upkeep = upkeepOf(place);
      await untilWaiting(place);
      expect(await readdir(place.folders.work)).toHaveLength(2);
      expect((await upkeep.disk()).next.at).toBe(new Date(NOW.getTime() + 10 * MINUTE_MS).toISOString());
      await after(place, 10 * MINUTE_MS);
      expect(await readdir(place.folders.work)).toEqual([second.id]);
      await after(place, 60 * MINUTE_MS);
      expect(await readdir(place.folders.work)).toEqual([]);
    }
    const late = await place.end(await place.addRun(), 31);
    await place.keep(late);
    place.time.ring();
    expect(await readdir(place.folders.work)).toEqual([late.id]);
  });

  it("waits an hour when the clock went forward, and believes it then", async () => {
    await using place = await openPlace();
    await place.keep(await place.end(await place.addRun(), 1));
    await using _upkeep = upkeepOf(place);
    await after(place, 10 * MINUTE_MS);
    place.time.set(3000 * DAY_MS);
    await after(place, 60 * MINUTE_MS);
    expect(await readdir(place.folders.work)).toHaveLength(1);
    expect(place.lines).toEqual([expect.stringMatching(/^warn the clock went forward by more than a day/)]);
    await after(place, 60 * MINUTE_MS);
    expect(await readdir(place.folders.work)).toEqual([]);
  });

  it("tells what takes how much, and what goes when", async () => {
    await using place = await openPlace();
    const kept = await place.end(await place.addRun("acme/kept"), 10);
    const going = await place.addRun("acme/going");
    await place.addInstance(going);
    await place.keep(kept, 100);
    await place.keep(going, 50);
    const mirror = await place.addMirror("acme/other", 12);
    const needed = await place.addMirror("acme/going", 400);
    place.images.set([
      { reference: "used", bytes: 7, createdAt: daysAgo(3), isCurrent: false, inUse: true },
      { reference: "current", bytes: 5, createdAt: daysAgo(1), isCurrent: true, inUse: false },
    ]);
    await using upkeep = upkeepOf(place);
    await untilWaiting(place);
    const report = await upkeep.disk();
    expect(DiskReport.parse(report)).toEqual(report);
    expect(report).toMatchObject({
      at: NOW.toISOString(),
      lack: null,
      minFreeBytes: 1024 * 1024,
      places: [{ name: "data", freeBytes: expect.any(Number), totalBytes: expect.any(Number) }],
      rules: RULES,
      next: { due: { runs: 0, work: 0, mirrors: 0, setups: 0, images: 0 } },
      workspaces: { count: 1 },
      audit: { count: 2 },
      images: { count: 2, bytes: 12 },
    });
    expect(report.database.bytes).toBeGreaterThan(1000);
    expect(report.work.items).toEqual([
      {
        name: kept.id,
        bytes: expect.any(Number),
        since: daysAgo(10).toISOString(),
        inUse: false,
        removableAt: new Date(NOW.getTime() + 20 * DAY_MS).toISOString(),
      },
      { name: going.id, bytes: expect.any(Number), since: null, inUse: true, removableAt: null },
    ]);
    expect(report.work.items[0]?.bytes).toBeGreaterThan(100 * 1024);
    expect(report.work.bytes).toBe((report.work.items[0]?.bytes ?? 0) + (report.work.items[1]?.bytes ?? 0));
    expect(report.mirrors.items.toSorted((a, b) => (a.since ?? "").localeCompare(b.since ?? ""))).toMatchObject([
      { name: needed, inUse: true, removableAt: null },
      { name: mirror, inUse: false, removableAt: new Date(NOW.getTime() + 18 * DAY_MS).toISOString() },
    ]);
  });

  it("counts what is due, shows the twenty greatest, and follows no link", async () => {
    await using place = await openPlace();
    await using upkeep = upkeepOf(place, { rules: { ...RULES, runsDays: 40 } });
    await untilWaiting(place);
    for (let index = 0; index < 23; index++) {
      await place.keep(await place.end(await place.addRun(), index < 2 ? 50 : index < 5 ? 35 : 1), 4 * index);
    }
    await mkdir(place.folder.join("elsewhere"));
    await writeFile(place.folder.join("elsewhere", "big"), Buffer.alloc(5_000_000, 1));
    await symlink(place.folder.join("elsewhere"), `${place.folders.work}/${(await place.addRun()).id}`);
    const report = await upkeep.disk();
    expect(report.next.due).toEqual({ runs: 2, work: 5, mirrors: 0, setups: 0, images: 0 });
    expect(report.work.count).toBe(23);
    expect(report.work.items).toHaveLength(20);
    const sizes = report.work.items.map(({ bytes }) => bytes ?? 0);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(report.work.bytes).toBeLessThan(4_000_000);
  });

  it("measures once in half a minute, but anew after a clean-up", async () => {
    await using place = await openPlace();
    await using upkeep = upkeepOf(place);
    await untilWaiting(place);
    const [one, two] = await Promise.all([upkeep.disk(), upkeep.disk()]);
    expect(two).toBe(one);
    const run = await place.end(await place.addRun(), 5);
    await place.keep(run);
    place.time.pass(29_999);
    expect(await upkeep.disk()).toBe(one);
    place.time.pass(1);
    expect((await upkeep.disk()).work.count).toBe(1);
    const cleaned = await upkeep.cleanUp({ what: [{ kind: "work", olderThanDays: 4 }] });
    expect(cleaned).toEqual({ removed: [{ kind: "work", count: 1, bytes: expect.any(Number) }], problems: [] });
    expect(cleaned.removed[0]?.bytes).toBeGreaterThan(8 * 1024);
    expect((await upkeep.disk()).work.count).toBe(0);
    expect(place.lines).toEqual(["info a person removed work"]);
  });

  it("removes what a person names, and never what a run needs that goes on", async () => {
    await using place = await openPlace();
    const going = await place.addRun("acme/going");
    const done = await place.end(await place.addRun(), 0.01);
    for (const run of [going, done]) await place.keep(run);
    const needed = await place.addMirror("acme/going", 3);
    await using upkeep = upkeepOf(place);
    await untilWaiting(place);
    const what = [
      { kind: "runs" as const, olderThanDays: 0 },
      { kind: "work" as const, olderThanDays: 0 },
      { kind: "mirrors" as const, olderThanDays: 0 },
    ];
    const { removed } = await upkeep.cleanUp({ what });
    expect(removed.map(({ kind, count }) => `${kind} ${count}`)).toEqual(["runs 1", "work 0", "mirrors 0"]);
    expect(await readdir(place.folders.work)).toEqual([going.id]);
    expect(await readdir(place.folder.join("mirrors"))).toEqual([needed]);
    expect((await place.store.runs.find(going.id))?.status).toBe("queued");
  });

  it("tells the disks also when images cannot be listed", async () => {
    await using place = await openPlace();
    const list = async (): Promise<never> => {
      throw new Error("There is no Docker Engine.");
    };
    await using upkeep = upkeepOf(place, { images: { ...place.images, list } });
    await untilWaiting(place);
    expect((await upkeep.disk()).images).toBeNull();
  });
});
