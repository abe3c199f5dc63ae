import { BatchId, type QueuePlace, RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { auditRecord, claimRun, range } from "../store/suite/place.ts";
import { systemClock } from "./clock.ts";
import { createListing, groupQueue } from "./listing.ts";

const run = (name: string) => RunId.parse(`run_${name.padEnd(10, "0")}`);
const place = (position: number): QueuePlace => ({ position, queued: 9, heldBy: null });

test("the queue tells the runs of a batch together, and others one by one in their order", () => {
  const batch = { id: BatchId.parse("bat_0000000000"), name: "Many" };
  const queued = [
    { id: run("d"), batch: null },
    { id: run("c"), batch },
    { id: run("a"), batch: null },
    { id: run("b"), batch },
    // It was claimed since the queue was looked at.
    { id: run("e"), batch: null },
  ];
  const places = new Map([
    [run("a"), place(1)],
    [run("b"), place(2)],
    [run("c"), place(3)],
    [run("d"), place(4)],
  ]);
  expect(groupQueue(queued, places)).toEqual({ single: [run("a"), run("d")], batches: [{ ...batch, count: 2, position: 2 }] });
});

test("tells of a run what it was refused lately and may still be allowed, and of nothing else", async () => {
  await using store = await openSqliteStore({ path: IN_MEMORY });
  const { run, fence } = await claimRun(store);
  let readWhole = 0;
  const newestRefused: typeof store.audit.newestRefused = (id, limit) => {
    if (limit > 1) readWhole += 1;
    return store.audit.newestRefused(id, limit);
  };
  const watched = { ...store, audit: { ...store.audit, newestRefused } };
  const listing = createListing({ store: watched, clock: systemClock }, { places: async () => new Map() });
  const refusedOf = async () => (await listing.overview()).running.map(({ refused }) => refused);
  const refused = (n: number, host: string, refusedBy: "policy" | "gateway" = "policy") => ({
    ...auditRecord(run.id, n, "refused"),
    host,
    refusedBy,
  });
  await store.audit.append(run.id, fence, [
    ...range(1, 250).map((n) => refused(n, "often.test")),
    refused(251, "needed.test"),
    refused(252, "inside.test", "gateway"),
  ]);
  expect(await refusedOf()).toEqual([{ count: 199, hosts: ["needed.test", "often.test"], last: 251 }]);
  expect(await refusedOf()).toEqual([{ count: 199, hosts: ["needed.test", "often.test"], last: 251 }]);
  // Nothing has changed since, so that nothing was read again.
  expect(readWhole).toBe(1);
  for (const host of ["often.test", "needed.test"])
    await store.allowedHosts.add(
      run.id,
      { host, port: 443 },
      { most: 9, message: { source: "runner", body: { type: "egress_allowed", host, port: 443 } } },
    );
  expect(await refusedOf()).toEqual([{ count: 0, hosts: [], last: 0 }]);
  await store.audit.append(run.id, fence, [refused(253, "new.test")]);
  expect(await refusedOf()).toEqual([{ count: 1, hosts: ["new.test"], last: 253 }]);
});
