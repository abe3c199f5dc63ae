import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { pinnedNode, temporaryFolder, waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";
import { openSqliteStore } from "./sqlite.ts";
import { anyRun, claimRun, createTask, ids, newRun, note, otherServer, own, range, server } from "./suite/place.ts";
import { openSqlitePlace } from "./suite/sqlite-place.ts";

/** Starts `suite/child.ts` and collects the lines that it says; disposing kills it. */
const startChild = async (...args: string[]) => {
  const child: ChildProcessWithoutNullStreams = spawn(pinnedNode, [
    new URL("./suite/child.ts", import.meta.url).pathname,
    ...args,
  ]);
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  const ended = once(child, "close");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const alive = () => {
    if (child.exitCode !== null) throw new Error(`the child ended: ${errors.join("\n")}`);
    return lines.includes("ready");
  };
  await waitFor(alive, { what: "the child to open the store" });
  return { lines, ended, stop, go: () => child.stdin.end("go"), [Symbol.asyncDispose]: stop };
};

test.each([1, 2, 3])("what was acknowledged is there after a kill -9 in the middle of appends (%i)", async () => {
  await using place = await openSqlitePlace();
  const { run, fence } = await claimRun(place.store);
  const instanceId = ids.instance();
  await using child = await startChild(place.path, "append", run.id, String(fence), instanceId);
  await waitFor(() => child.lines.length > 100, { what: "a hundred acknowledged appends" });
  await child.stop();
  const acknowledged = Number(child.lines.at(-1));

  const store = await place.open();
  const position = await store.transcript.spoolPosition(run.id, instanceId);
  expect(position).toBeGreaterThanOrEqual(acknowledged);
  expect(position % 3).toBe(0); // a batch is there as a whole or not at all
  const found = await store.runs.find(run.id);
  expect(found?.lastSeq).toBe(position);
  let seen = 0;
  for await (const message of store.transcript.follow(run.id, { after: 0 }, AbortSignal.timeout(30_000))) {
    expect(message.seq).toBe(++seen);
    expect(JSON.stringify(message.body)).toContain(`"event ${seen}"`);
    if (seen === position) break;
  }
  // The next one to drive the run goes on where the killed one was.
  const [next] = await store.transcript.append(run.id, fence, own(1, note("went on")));
  expect(next?.seq).toBe(position + 1);
});

test("two processes that claim at once never get the same run", async () => {
  await using place = await openSqlitePlace();
  const task = await createTask(place.store);
  const queued = await Promise.all(range(1, 200).map(() => place.store.runs.create(newRun(task))));
  await using one = await startChild(place.path, "claim", server);
  await using two = await startChild(place.path, "claim", otherServer);
  one.go();
  two.go();
  await Promise.all([one.ended, two.ended]);
  const isRun = (line: string) => line.startsWith("run_");
  const claimed = [...one.lines.filter(isRun), ...two.lines.filter(isRun)];
  expect(claimed.toSorted()).toEqual(queued.map(({ run }) => run.id).toSorted());
});

test("a database that another process keeps locked is unavailable, and usable again afterwards", async () => {
  await using place = await openSqlitePlace({ busyTimeoutMs: 20 });
  const { store } = place;
  const { run, fence } = await claimRun(store);
  {
    using other = new DatabaseSync(place.path);
    other.exec("begin immediate");
    const refused = await Promise.allSettled([
      store.transcript.append(run.id, fence, own(1, note("a"))),
      store.transcript.append(run.id, fence, own(1, note("b"))),
      store.queue.claimNext(anyRun),
      createTask(store),
    ]);
    for (const write of refused) expect(write).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    // Reading, and opening a database whose schema is up to date, wait for nobody.
    expect(await (await place.open()).runs.find(run.id)).toMatchObject({ lastSeq: 0 });
    other.exec("rollback");
  }
  expect(await store.transcript.append(run.id, fence, own(1, note("c")))).toMatchObject([{ seq: 1, body: { text: "c" } }]);
});

test("many that open a new database at once all get a store on the same schema", async () => {
  await using folder = await temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const path = folder.join("new", "ccr.db");
  const opened = await Promise.all(range(1, 8).map(async () => stack.use(await openSqliteStore({ path }))));
  const made = await Promise.all(opened.map((store) => createTask(store)));
  expect((await opened[0]?.tasks.list())?.map(({ id }) => id).toSorted()).toEqual(made.map(({ id }) => id).toSorted());
});
