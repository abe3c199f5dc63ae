import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";
import { createIds } from "./ids.ts";
import { IN_MEMORY, openSqliteStore } from "./sqlite.ts";
import {
  anyRun,
  collect,
  createClock,
  createTask,
  endRun,
  events,
  find,
  newRun,
  notes,
  otherServer,
  range,
  readAll,
} from "./suite/place.ts";

/** Bytes that are the same for each seed. */
const seeded = (seed: number) => {
  let calls = 0;
  return (size: number): Buffer => createHash("sha256").update(`${seed} ${++calls}`).digest().subarray(0, size);
};

const openSeeded = (seed: number, clock = createClock()) =>
  openSqliteStore({ path: IN_MEMORY, now: clock.now, ids: createIds(clock.now, seeded(seed)) });

/** What a run leaves that lives through everything that a store does. */
const live = async (seed: number) => {
  const clock = createClock();
  await using store = await openSeeded(seed, clock);
  const task = await createTask(store);
  const { run } = await store.runs.create(newRun(task, { idempotencyKey: "k" }));
  const followed = collect(store.transcript.follow(run.id, { after: 0 }, AbortSignal.timeout(30_000)));
  const first = await store.queue.claimNext({ ...anyRun, perRepository: 1 });
  if (first === null) throw new Error("nothing was claimed");
  await store.queue.renew(run.id, first.fence, 1);
  await store.transcript.append(run.id, first.fence, notes(1, 3));
  clock.advance(40_000);
  const taken = await store.queue.takeOver(find(await store.queue.leases(), run.id), otherServer);
  if (taken === null) throw new Error("the run was not taken over");
  const ids = createIds(clock.now, seeded(-seed));
  await store.transcript.appendSpooled(run.id, taken.fence, { instanceId: ids.instance(), events: events(1, 3) });
  await store.transcript.append(run.id, taken.fence, notes(1, 1));
  await endRun(store, taken);
  const messages = await readAll(store, run.id);
  expect(await followed).toEqual(messages);
  const left = { run: await store.runs.find(run.id), messages };
  expect(await store.upkeep.deleteRun(run.id)).toBe(true);
  return left;
};

test("leaves nothing on the disk, and each is apart", async () => {
  const before = await readdir(".");
  await using one = await openSqliteStore({ path: IN_MEMORY });
  await using two = await openSqliteStore({ path: IN_MEMORY });
  await createTask(one);
  await one.upkeep.check();
  expect(await one.upkeep.sizeBytes()).toBeGreaterThan(10_000);
  expect([await one.tasks.list(), await two.tasks.list()].map((tasks) => tasks.length)).toEqual([1, 0]);
  expect(await readdir(".")).toEqual(before);
});

test("tells who listens to look once, and then of nothing: nobody else can change it", async () => {
  await using store = await openSqliteStore({ path: IN_MEMORY });
  const told: unknown[] = [];
  store.changes.listen((runIds) => told.push(runIds));
  await waitFor(() => told.length > 0, { what: "the first look" });
  await store.runs.create(newRun(await createTask(store)));
  expect(told).toEqual([null]);
});

test("with a clock and random bytes that are given, the same seed gives the same, to the last id", async () => {
  const [one, again, other] = [await live(7), await live(7), await live(8)];
  expect(one.messages).toHaveLength(7);
  expect(one.run).toMatchObject({ status: "succeeded", lastSeq: 7 });
  expect(again).toEqual(one);
  expect(other.run?.id).not.toBe(one.run?.id);
});

test("hundreds are opened, used and closed one after the other", async () => {
  for (const seed of range(1, 300)) {
    await using store = await openSeeded(seed);
    await store.runs.create(newRun(await createTask(store)));
    expect(await store.queue.claimNext(anyRun)).toMatchObject({ fence: 1 });
  }
});
