import { describe, expect, test } from "vitest";
import { IN_MEMORY, openSqliteStore } from "../store/sqlite.ts";
import { claimRun, endRun, ids, otherServer, server } from "../store/suite/place.ts";
import { findKept, type GoingOn, giveConversation } from "./sources.ts";

const snapshot = { baseCommit: "a".repeat(40), headCommit: null, branch: null, snapshotCommit: "b".repeat(40) };
const checkout = { directory: null, repository: "acme/web" };

/** A run that another one goes on from, driven last by one of two servers; both have something kept of it. */
const open = async (drivenBy: typeof server) => {
  const store = await openSqliteStore({ path: IN_MEMORY });
  const claim = await claimRun(store);
  const { run, fence } = claim;
  const instanceId = ids.instance();
  const place = { machine: "m", root: "/r", doors: "/d" };
  await store.instances.create({ id: instanceId, runId: run.id, driver: "bubblewrap", server: drivenBy, place }, fence);
  await store.runs.patch(run.id, fence, { instanceId });
  await endRun(store, claim);
  const scene = (work: Partial<GoingOn["deps"]["work"]> = {}, fromKept: (string | null)[] = [null]): GoingOn => ({
    run: { continues: { runId: run.id, because: "person", number: 0, lastComment: null, lastComments: {}, fromKept } },
    deps: {
      server,
      work: {
        find: async () => ({ snapshot, at: "2026-11-22T20:00:00.000Z" }),
        giveConversation: async () => ({ session: "s", file: "f" }),
        ...work,
      },
    },
    stores: store,
  });
  return { scene, run, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
};

describe("what is kept of the run that one goes on from", () => {
  test("is gone on with on the server that drove it last", async () => {
    await using at = await open(server);
    expect(await findKept(at.scene(), checkout)).toEqual({
      of: { runId: at.run.id, directory: null },
      baseCommit: snapshot.baseCommit,
      headCommit: snapshot.baseCommit,
      snapshotCommit: snapshot.snapshotCommit,
    });
    expect(await giveConversation(at.scene(), { given: "/g" })).toEqual({ session: "s", file: "f" });
    expect(await findKept(at.scene({}, []), checkout)).toBeNull();
  });

  test("is never taken from a server that drove it before, whose copy may be older", async () => {
    await using at = await open(otherServer);
    await expect(findKept(at.scene(), checkout)).rejects.toMatchObject({
      ending: { reason: "work_elsewhere", sentence: expect.stringContaining(`the server is ${otherServer}`) },
    });
    expect(await giveConversation(at.scene(), { given: "/g" })).toBeNull();
  });

  test("is told to be gone when it is", async () => {
    await using at = await open(server);
    await expect(findKept(at.scene({ find: async () => null }), checkout)).rejects.toMatchObject({
      ending: { reason: "work_gone" },
    });
  });
});
