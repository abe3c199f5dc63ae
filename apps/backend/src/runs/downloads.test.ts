import { RunLimits, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import { createIds } from "../store/ids.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { NewRun } from "../store/types.ts";
import { createDownloads, type KeptDownloads } from "./downloads.ts";
import type { Download } from "./types.ts";

const one = ServerId.parse("srv_0000000001");
const two = ServerId.parse("srv_0000000002");
const signal = new AbortController().signal;

const here: KeptDownloads = (() => {
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
const place = async (server: ServerId, beside: NewRun["additionalRepositories"] = []) => {
  const store = await openSqliteStore({ path: ":memory:" });
  const task = await store.tasks.create({ name: "T", steps: [{ instructions: "x", checks: "" }], allowNoChanges: false });
  const input = {
    task,
    repository: "a/b",
    ref: null,
    directory: beside.length === 0 ? null : "b",
    additionalRepositories: beside,
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
  const over = (work: KeptDownloads) => createDownloads({ store, server: one, work });
  return { store, run, saveDiff, over, downloads: over(here) };
};

describe("what can be downloaded of a run", () => {
  it("is given by the server that drove it last", async () => {
    const { store, run, downloads } = await place(one);
    await using _ = store;
    for (const kind of ["patch", "bundle"] as const) expect(await read(await downloads[kind](run.id, null, signal))).toBe("here");
    expect(await read(await downloads.conversation(run.id, signal))).toBe("here");
    expect(await read(await downloads.checkOutput(run.id, "1-1-1"))).toBe("here");
  });

  it("is not given by one that drove it before, which says where it is", async () => {
    const { store, run, downloads } = await place(two);
    await using _ = store;
    const elsewhere = "It is kept by another server, srv_0000000002 on box: ask that one.";
    for (const kind of ["patch", "bundle"] as const)
      await expect(downloads[kind](run.id, null, signal)).rejects.toThrow(elsewhere);
    await expect(downloads.conversation(run.id, signal)).rejects.toThrow(elsewhere);
    await expect(downloads.checkOutput(run.id, "1-1-1")).rejects.toThrow("It is kept by another server, srv_0000000002 on box");
  });

  it("is a patch on every server, unless it was too long for the database", async () => {
    const { store, run, saveDiff, downloads } = await place(two);
    await using _ = store;
    await saveDiff("diff --git\n", false);
    const patch = await downloads.patch(run.id, null, signal);
    expect(patch?.bytes).toBe(11);
    expect(await read(patch)).toBe("diff --git\n");
    await saveDiff("diff", true);
    await expect(downloads.patch(run.id, null, signal)).rejects.toThrow("kept by another server");
  });

  describe("with several repositories", () => {
    const beside = [{ repository: "a/c", ref: null, directory: "c" }];
    const asked = () => {
      const open = new Set<string>();
      const give = async (name: string): Promise<Download> => {
        open.add(name);
        return {
          bytes: null,
          chunks: (async function* () {
            yield Buffer.from(`${name};`);
          })(),
          [Symbol.asyncDispose]: async () => {
            open.delete(name);
          },
        };
      };
      const work: KeptDownloads = {
        ...here,
        patch: ({ directory }, { placed }) => give(`${directory}${placed ? " placed" : ""}`),
        bundle: ({ directory }) => give(`${directory}`),
      };
      return { work, open };
    };

    it("is one patch of all, each of which is open while it is read alone, or the patch of one", async () => {
      const { store, run, over } = await place(one, beside);
      await using _ = store;
      const { work, open } = asked();
      const downloads = over(work);
      const all = await downloads.patch(run.id, null, signal);
      expect(open).toEqual(new Set(["b placed"]));
      expect(await read(all)).toBe("b placed;c placed;");
      await all?.[Symbol.asyncDispose]();
      expect(open).toEqual(new Set());
      expect(await read(await downloads.patch(run.id, "c", signal))).toBe("c;");
      const unread = await downloads.patch(run.id, null, signal);
      open.delete("c");
      await unread?.[Symbol.asyncDispose]();
      expect(open).toEqual(new Set());
    });

    it("says in the patch of all of which nothing is kept, and is none when that is so of all", async () => {
      const { store, run, over } = await place(one, beside);
      await using _ = store;
      const { work } = asked();
      const without = (...directories: string[]): KeptDownloads => ({
        ...work,
        patch: async (of, options) => (directories.includes(of.directory ?? "") ? null : work.patch(of, options)),
      });
      const patch = async (kept: KeptDownloads) => read(await over(kept).patch(run.id, null, signal));
      expect(await patch(without("b"))).toBe("Nothing is kept of the work in b.\nc placed;");
      expect(await patch(without("c"))).toBe("b placed;Nothing is kept of the work in c.\n");
      expect(await over(without("b", "c")).patch(run.id, null, signal)).toBeNull();
    });

    it("is a bundle of each, and says which there are", async () => {
      const { store, run, over } = await place(one, beside);
      await using _ = store;
      const downloads = over(asked().work);
      expect(await read(await downloads.bundle(run.id, "c", signal))).toBe("c;");
      await expect(downloads.bundle(run.id, null, signal)).rejects.toMatchObject({
        code: "bad_request",
        message: expect.stringContaining("?directory=b or ?directory=c"),
      });
      for (const kind of ["patch", "bundle"] as const)
        await expect(downloads[kind](run.id, "x", signal)).rejects.toMatchObject({
          code: "not_found",
          message: expect.stringContaining("it has b, c"),
        });
    });

    it("of which there is one, has no folder", async () => {
      const { store, run, downloads } = await place(one);
      await using _ = store;
      await expect(downloads.bundle(run.id, "b", signal)).rejects.toThrow("leave the folder out");
    });
  });
});
