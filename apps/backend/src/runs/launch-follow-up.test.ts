import {
  type AdditionalRepository,
  type Continuation,
  Delivered,
  DeliverySettings,
  type FileChange,
  type Run,
} from "@ccr/protocol";
import { expect, test } from "vitest";
import type { KeptOf } from "../git/work-places.ts";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { anyRun, claimRun, endRun, ids, otherServer, sampleDiff, server } from "../store/suite/place.ts";
import type { NewRun } from "../store/types.ts";
import { launchFollowUp } from "./follow-up.ts";

const delivered = Delivered.parse({
  state: "delivered",
  branch: "claude/x",
  commit: "c".repeat(40),
  isPushed: true,
  base: "main",
  pullRequest: null,
  notes: [],
  problem: null,
  tries: 1,
  at: "2026-11-22T20:00:00.000Z",
});
const changed = (...paths: string[]): FileChange[] =>
  paths.map((path) => ({ path, oldPath: null, status: "modified", additions: 1, deletions: 1 }));

type Ended = {
  files: FileChange[] | null;
  pushed?: boolean;
  on?: typeof server;
  run?: Partial<NewRun>;
  additional?: (each: AdditionalRepository) => AdditionalRepository;
};

/** A real store with runs that have ended; what is kept of them is as a test says. */
const open = async () => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  const kept = new Set<string>();
  const nameOf = ({ runId, directory }: KeptOf) => `${runId} ${directory ?? ""}`;
  const snapshot = { baseCommit: "a".repeat(40), headCommit: null, branch: null, snapshotCommit: "b".repeat(40) };
  const find = async (of: KeptOf) => (kept.has(nameOf(of)) ? { snapshot, at: "2026-11-22T20:00:00.000Z" } : null);
  const deps = { store, server, work: { find } };
  return {
    store,
    keep: (run: Run, directory: string | null = null) => kept.add(nameOf({ runId: run.id, directory })),
    lose: () => kept.clear(),
    ended: async ({ files, pushed = false, on = server, run: given = {}, additional = (each) => each }: Ended): Promise<Run> => {
      const claim = await claimRun(store, { ref: "main", delivery: DeliverySettings.parse({ to: "branch" }), ...given });
      const { run, fence } = claim;
      const instanceId = ids.instance();
      const place = { machine: "m", root: "/r", doors: "/d" };
      await store.instances.create({ id: instanceId, runId: run.id, driver: "bubblewrap", server: on, place }, fence);
      await store.runs.patch(run.id, fence, { instanceId });
      if (files !== null) await store.runs.saveDiff(run.id, fence, { ...sampleDiff, files });
      const additionalRepositories = run.additionalRepositories.map(additional);
      if (pushed || additionalRepositories.length > 0)
        await store.runs.patch(run.id, fence, {
          deliveries: { delivered: pushed ? delivered : null, additionalRepositories },
        });
      await endRun(store, claim);
      return (await store.runs.find(run.id)) ?? run;
    },
    goOn: (run: Run, because: Continuation["because"] = "person", idempotencyKey: string | null = null) =>
      launchFollowUp(deps, run, {
        root: run,
        instructions: "More.",
        continuation: { runId: run.id, because, number: 0, lastComment: null, lastComments: {} },
        idempotencyKey,
      }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
};

test("what is on a branch is gone on with there, by any server", async () => {
  await using place = await open();
  const run = await place.ended({ files: changed("a"), pushed: true });
  const next = await place.goOn(run);
  expect(next).toMatchObject({ ref: "claude/x", delivery: { branch: "claude/x", base: "main" }, continues: { fromKept: [] } });
  expect((await place.store.queue.claimNext({ ...anyRun, owner: otherServer }))?.run.id).toBe(next.id);
});

test("what is on no branch is gone on with from what is kept, by the server that has it", async () => {
  await using place = await open();
  const run = await place.ended({ files: changed("a") });
  place.keep(run);
  const next = await place.goOn(run, "person", "k");
  expect(next).toMatchObject({
    ref: "main",
    delivery: { branch: "claude/{task}-{run}" },
    continues: { runId: run.id, fromKept: [null] },
  });
  expect((await place.goOn(run, "person", "k")).id).toBe(next.id);
  expect(await place.store.queue.claimNext({ ...anyRun, owner: otherServer })).toBeNull();
  expect((await place.store.queue.claimNext(anyRun))?.run.id).toBe(next.id);
});

test("what another server keeps is gone on with there", async () => {
  await using place = await open();
  const run = await place.ended({ files: changed("a"), on: otherServer });
  const next = await place.goOn(run);
  expect(next.continues).toMatchObject({ fromKept: [null] });
  expect(await place.store.queue.claimNext(anyRun)).toBeNull();
  expect((await place.store.queue.claimNext({ ...anyRun, owner: otherServer }))?.run.id).toBe(next.id);
});

test("what changed nothing is gone on with from where it began itself, whatever is kept", async () => {
  await using place = await open();
  const run = await place.ended({ files: [] });
  expect(await place.goOn(run)).toMatchObject({ ref: "main", continues: { fromKept: [] } });
});

test("of several repositories each is gone on with from where its work is", async () => {
  await using place = await open();
  const beside = (directory: string) => ({ repository: `ada/${directory}`, ref: "main", directory });
  const run = await place.ended({
    files: changed("api/a", "web/a", "webapp/a"),
    run: { directory: "api", additionalRepositories: [beside("web"), beside("docs"), beside("webapp")] },
    additional: (each) => ({ ...each, delivered: each.directory === "web" ? delivered : null }),
  });
  for (const directory of ["api", "webapp"]) place.keep(run, directory);
  const next = await place.goOn(run);
  expect(next.continues?.fromKept).toEqual(["api", "webapp"]);
  expect([next.ref, ...next.additionalRepositories.map(({ ref }) => ref)]).toEqual(["main", "claude/x", "main", "main"]);
});

test("work that is gone is told of, with what to do, and nothing is launched", async () => {
  await using place = await open();
  const run = await place.ended({ files: changed("a") });
  place.keep(run);
  place.lose();
  await expect(place.goOn(run)).rejects.toMatchObject({
    code: "conflict",
    message: `The work of run ${run.id} is on no branch, and not kept any more: launch that run again, or start a new one with instructions that tell of it.`,
  });
  expect(await place.store.deliveries.listContinuing(run.id)).toEqual([]);
});

test("a run that never began cannot be gone on with, and says from where to go on instead", async () => {
  await using place = await open();
  const run = await place.ended({ files: null });
  await expect(place.goOn(run)).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("launch it again") });
  const first = await place.ended({ files: changed("a") });
  place.keep(first);
  const second = await place.goOn(first);
  const claim = await place.store.queue.claimNext(anyRun);
  if (claim?.run.id !== second.id) throw new Error("another run is claimed");
  await endRun(place.store, claim);
  const again = (await place.store.runs.find(second.id)) ?? second;
  await expect(place.goOn(again)).rejects.toMatchObject({ message: expect.stringContaining(`go on from ${first.id} again`) });
});

test("a run that goes on is not gone on with", async () => {
  await using place = await open();
  const { run } = await claimRun(place.store);
  await expect(place.goOn(run)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("when it has ended"),
  });
});

test.each([
  { because: "person" as const, hosts: ["a.test"] },
  { because: "checks" as const, hosts: [] },
  { because: "review" as const, hosts: [] },
])("what people allowed it to reach is allowed on where a person asks for it: $because", async ({ because, hosts }) => {
  await using place = await open();
  const run = await place.ended({
    files: changed("a"),
    pushed: true,
    run: { allowedHosts: [{ host: "a.test", ports: [443] }], network: "packages", networkBy: "launch" },
  });
  const { allowedHosts, ...next } = await place.goOn(run, because);
  expect(allowedHosts.map(({ host }) => host)).toEqual(hosts);
  // A setting of the whole work, as its model is.
  expect(next).toMatchObject({ network: "packages", networkBy: "launch" });
});
