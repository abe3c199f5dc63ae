import { RunLimits, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { createIds } from "../store/ids.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { createDownloads } from "./downloads.ts";
import type { Download, Downloads } from "./types.ts";

const one = ServerId.parse("srv_0000000001");
const two = ServerId.parse("srv_0000000002");
const signal = new AbortController().signal;

const here: Downloads = (() => {
  const give = async (): Promise<Download> => ({
    bytes: 4,
    chunks: (async function* () {
      yield Buffer.from("here");
    })(),
    [Symbol.asyncDispose]: async () => {},
  });
  return { patch: give, bundle: give, conversation: give, checkOutput: give };
})();

const read = async (download: Download | null): Promise<string> => {
  if (download === null) throw new Error("nothing is kept");
  return Buffer.concat(await Array.fromAsync(download.chunks)).toString();
};

/** A run that `one` drove, and whose sandbox is looked after by this server now. */
const place = async (server: ServerId) => {
  const store = await openSqliteStore({ path: ":memory:" });
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });
  const input = {
    task,
    repository: "a/b",
    ref: null,
    model: null,
    limits: RunLimits.parse({}),
    priority: 0,
    delivery: null,
    continues: null,
    idempotencyKey: null,
  };
  const { run } = await store.runs.create(input);
  const claim = await store.queue.claimNext({ owner: one, perRepository: null, perTask: null });
  if (claim === null) throw new Error("it was not claimed");
  const { fence } = claim;
  const instanceId = createIds().instance();
  const made = {
    id: instanceId,
    runId: run.id,
    driver: "docker",
    server: one,
    place: { machine: "box", root: "/r", doors: "/d" },
  };
  await store.instances.create(made, fence);
  await store.instances.setServer(instanceId, server, fence);
  await store.runs.patch(run.id, fence, { instanceId });
  const saveDiff = (patch: string, truncated: boolean) =>
    store.runs.saveDiff(run.id, fence, { baseCommit: "1", headCommit: "2", files: [], patch, truncated });
  return { store, run, saveDiff, downloads: createDownloads({ store, server: one, work: here }) };
};

describe("what can be downloaded of a run", () => {
  it("is given by the server that drove it last", async () => {
    const { store, run, downloads } = await place(one);
    await using _ = store;
    for (const kind of ["patch", "bundle", "conversation"] as const)
      expect(await read(await downloads[kind](run.id, signal))).toBe("here");
    expect(await read(await downloads.checkOutput(run.id, "1-1-1"))).toBe("here");
  });

  it("is not given by one that drove it before, which says where it is", async () => {
    const { store, run, downloads } = await place(two);
    await using _ = store;
    for (const kind of ["patch", "bundle", "conversation"] as const)
      await expect(downloads[kind](run.id, signal)).rejects.toThrow(
        "It is kept by another server, srv_0000000002 on box: ask that one.",
      );
    await expect(downloads.checkOutput(run.id, "1-1-1")).rejects.toThrow("It is kept by another server, srv_0000000002 on box");
  });

  it("is a patch on every server, unless it was too long for the database", async () => {
    const { store, run, saveDiff, downloads } = await place(two);
    await using _ = store;
    await saveDiff("diff --git\n", false);
    const patch = await downloads.patch(run.id, signal);
    expect(patch?.bytes).toBe(11);
    expect(await read(patch)).toBe("diff --git\n");
    await saveDiff("diff", true);
    await expect(downloads.patch(run.id, signal)).rejects.toThrow("kept by another server");
  });
});
