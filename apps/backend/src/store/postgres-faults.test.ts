import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rmdir, stat } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { CcrError, type RunId } from "@ccr/protocol";
import { findPostgres, startPostgres, waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { openPostgresStore } from "./postgres.ts";
import { claimRun, createTask, endRun, errorOf, note, notes, own, range, readAll, seqs } from "./suite/place.ts";
import { openPostgresPlace, usePostgres } from "./suite/postgres-place.ts";
import type { Claim, Store } from "./types.ts";

const found = findPostgres();

const startFollowing = (store: Store, runId: RunId) => {
  const seen: number[] = [];
  const ended = (async () => {
    for await (const { seq } of store.transcript.follow(runId, { after: 0 }, AbortSignal.timeout(100_000))) seen.push(seq);
  })();
  ended.catch(() => {}); // looked at by the test
  return { seen, ended };
};

/** Appends one message after the other, again when it is not known whether one was stored, until it is told to stop. */
const startWriting = (store: Store, { run, fence }: Claim) => {
  const acknowledged: number[] = [];
  const refusals: unknown[] = [];
  let going = true;
  const ended = (async () => {
    for (let n = 1; going; ) {
      try {
        await store.transcript.append(run.id, fence, own(n, note(`number ${n}`)));
        acknowledged.push(n++);
      } catch (error) {
        refusals.push(error);
        if (!(error instanceof CcrError) || error.code !== "unavailable") throw error;
        await delay(20);
      }
    }
  })();
  ended.catch(() => {}); // looked at by the test
  const stop = (): Promise<void> => {
    going = false;
    return ended;
  };
  return { acknowledged, refusals, stop };
};

/** A line to the database that can go silent, as when a machine or a network is gone and nobody says so. */
const startLine = async (url: string, { silent = false } = {}) => {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => to.destroy());
      if (!silent) from.pipe(to);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const line = new URL(url);
  line.port = String(address.port);
  return {
    url: line.href,
    /** Nothing gets through on the connections that there are; new ones work. */
    silence: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

/** A disk of its own, of some MB, that belongs to whom the other folder does; or why there can be none. */
const mountDisk = async (sizeMb: number, owner: { uid: number; gid: number }) => {
  if (process.getuid?.() !== 0) return "only root can mount a file system of its own";
  const folder = await mkdtemp("/tmp/ccr-disk-");
  const mount = (...args: string[]) => promisify(execFile)("/bin/mount", args);
  try {
    await mount("-t", "tmpfs", "-o", `size=${sizeMb}m,mode=700,uid=${owner.uid},gid=${owner.gid}`, "ccr-test", folder);
  } catch (error) {
    await rmdir(folder);
    return `this machine does not let root mount: ${error}`;
  }
  return {
    path: folder,
    resize: (toMb: number) => mount("-o", `remount,size=${toMb}m`, folder),
    [Symbol.asyncDispose]: async () => {
      await promisify(execFile)("/bin/umount", [folder]);
      await rmdir(folder);
    },
  };
};

describe.skipIf("why" in found)("a PostgreSQL that fails", () => {
  test("a full disk stores nothing of what did not fit, says so, and the store works again when there is space", async ({
    skip,
  }) => {
    await using server = await startPostgres({ fsync: false });
    const disk = await mountDisk(24, await stat(await server.query("postgres", "show data_directory")));
    if (typeof disk === "string") return skip(disk);
    await using mounted = disk;
    await server.query("postgres", `create tablespace small location '${mounted.path}'`);
    await server.query("postgres", "create database filled tablespace small");
    {
      await using store = await openPostgresStore({ url: server.url("filled") });
      const { run, fence } = await claimRun(store);
      let stored = 0;
      let full: unknown = null;
      while (full === null) {
        // Nothing that it could make smaller.
        const batch = own(stored + 1, note(randomBytes(15_000).toString("hex")), note(randomBytes(15_000).toString("hex")));
        try {
          stored = (await store.transcript.append(run.id, fence, batch)).at(-1)?.seq ?? 0;
        } catch (error) {
          full = error;
        }
      }
      expect(full).toMatchObject({
        code: "disk_full",
        message: expect.stringMatching(/disk of the database .* is full\. Nothing of this change was stored/),
      });
      expect(stored).toBeGreaterThan(10);
      expect(await store.runs.find(run.id)).toMatchObject({ lastSeq: stored });
      await mounted.resize(64);
      await store.transcript.append(run.id, fence, own(stored + 1, note(randomBytes(100_000).toString("hex"))));
      expect(seqs(await readAll(store, run.id))).toEqual(range(1, stored + 1));
    }
    await server.query("postgres", "drop database filled");
    await server.query("postgres", "drop tablespace small");
  });

  test.each(["kill", "immediate", "fast"] as const)(
    "writers and followers of two servers go on after restarts (%s): what was acknowledged is there, once, and seen",
    async (end) => {
      await using server = await startPostgres();
      await using place = await openPostgresPlace(server);
      const stores = [place.store, await place.open()];
      const claims = [await claimRun(place.store), await claimRun(place.store)];
      const writers = claims.flatMap((claim, index) => {
        const store = stores[index];
        return store === undefined ? [] : [startWriting(store, claim)];
      });
      const followers = stores.flatMap((store) => claims.map(({ run }) => ({ runId: run.id, ...startFollowing(store, run.id) })));
      for (let round = 1; round <= 3; round++) {
        const before = writers.map(({ acknowledged }) => acknowledged.length);
        const wrote = () => writers.every(({ acknowledged }, index) => acknowledged.length >= (before[index] ?? 0) + 30);
        await waitFor(wrote, { what: "the writers to write" });
        await (end === "kill" ? server.kill() : server.stop(end));
        await waitFor(() => writers.every(({ refusals }) => refusals.length >= round), { what: "writes to be refused" });
        // Who comes while it is gone is told so at once, and what to do.
        expect(await errorOf(place.store.tasks.list())).toMatchObject({
          code: "unavailable",
          message: expect.stringMatching(/cannot be reached|is gone or starting/),
        });
        await server.start();
      }
      const total = writers.map(({ acknowledged }) => acknowledged.length);
      await waitFor(() => writers.every(({ acknowledged }, index) => acknowledged.length > (total[index] ?? 0)), {
        what: "the writers to go on",
      });
      await Promise.all(writers.map(({ stop }) => stop()));
      for (const [index, claim] of claims.entries()) {
        const acknowledged = writers[index]?.acknowledged ?? [];
        const stored = await readAll(place.store, claim.run.id);
        expect(seqs(stored)).toEqual(range(1, acknowledged.length));
        expect(stored.map(({ body }) => body)).toEqual(acknowledged.map((n) => note(`number ${n}`).body));
        await endRun(place.store, claim);
      }
      await Promise.all(followers.map(({ ended }) => ended));
      for (const { runId, seen } of followers) expect(seen).toEqual(seqs(await readAll(place.store, runId)));
    },
    120_000,
  );

  describe("behind a line", () => {
    const { server } = usePostgres();
    const limits = { connectMs: 1000, statementMs: 300, silenceMs: 300 };

    test("a line that goes silent hangs neither writers nor followers, and both go on over a new one", async () => {
      await using database = await server().createDatabase();
      await using line = await startLine(database.url);
      await using far = await openPostgresStore({ url: line.url, limits });
      await using near = await openPostgresStore({ url: database.url });
      const claim = await claimRun(near);
      const { seen, ended } = startFollowing(far, claim.run.id);
      await near.transcript.append(claim.run.id, claim.fence, notes(1, 1));
      await waitFor(() => seen.length === 1, { what: "the first message" });
      line.silence();
      const refused = errorOf(createTask(far));
      await near.transcript.append(claim.run.id, claim.fence, notes(2, 3));
      expect(await refused).toMatchObject({ code: "unavailable" });
      await waitFor(() => seen.length === 3, { what: "what was told while the line was silent" });
      await createTask(far);
      expect(await near.tasks.list()).toHaveLength(2);
      await endRun(near, claim);
      await ended;
      expect(seen).toEqual([1, 2, 3]);
    });

    test("closing does not wait for a database that does not answer", async () => {
      await using database = await server().createDatabase();
      await using line = await startLine(database.url);
      const store = await openPostgresStore({ url: line.url, limits });
      const { run } = await claimRun(store);
      const { ended } = startFollowing(store, run.id);
      line.silence();
      const started = performance.now();
      await store[Symbol.asyncDispose]();
      expect(performance.now() - started).toBeLessThan(10_000);
      expect(await errorOf(ended)).toMatchObject({ code: "unavailable" });
    });

    test("a server that takes a connection and says nothing is unavailable after a time", async () => {
      await using line = await startLine(server().url("postgres"), { silent: true });
      const started = performance.now();
      expect(await errorOf(openPostgresStore({ url: line.url, limits }))).toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(/cannot be reached.*timeout/),
      });
      expect(performance.now() - started).toBeLessThan(10_000);
    });

    test("a connection that is lost in the middle of a transaction takes nothing with it but that transaction", async () => {
      await using database = await server().createDatabase();
      await using store = await openPostgresStore({ url: database.url });
      const claim = await claimRun(store);
      const { seen, ended } = startFollowing(store, claim.run.id);
      const writer = startWriting(store, claim);
      const cut = `select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = '${new URL(database.url).pathname.slice(1)}' and pid <> pg_backend_pid() and query not like 'listen%'`;
      for (const round of range(1, 15)) {
        const before = writer.acknowledged.length;
        await waitFor(() => writer.acknowledged.length > before + round, { what: "the writer to write" });
        await server().query("postgres", cut);
      }
      await waitFor(() => writer.refusals.length > 0, { what: "a write to be refused" });
      await writer.stop();
      const stored = await readAll(store, claim.run.id);
      expect(stored.map(({ body }) => body)).toEqual(writer.acknowledged.map((n) => note(`number ${n}`).body));
      await endRun(store, claim);
      await ended;
      expect(seen).toEqual(seqs(stored));
    });
  });
});
