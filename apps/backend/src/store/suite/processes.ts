import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pinnedNode, waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { claimRun, createTask, ids, newRun, note, type OpenPlace, otherServer, own, range, server } from "./place.ts";

/** Starts `suite/child.ts` and collects the lines that it says; disposing kills it. */
const startChild = async (...args: string[]) => {
  const child: ChildProcessWithoutNullStreams = spawn(pinnedNode, [new URL("./child.ts", import.meta.url).pathname, ...args]);
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

export const describeProcesses = (open: OpenPlace): void => {
  describe("processes", () => {
    test.each([1, 2, 3])("what was acknowledged is there after a kill -9 in the middle of appends (%i)", async () => {
      await using place = await open();
      const { run, fence } = await claimRun(place.store);
      const instanceId = ids.instance();
      await using child = await startChild(place.address, "append", run.id, String(fence), instanceId);
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
      await using place = await open();
      const task = await createTask(place.store);
      const queued = await Promise.all(range(1, 200).map(() => place.store.runs.create(newRun(task))));
      await using one = await startChild(place.address, "claim", server);
      await using two = await startChild(place.address, "claim", otherServer);
      one.go();
      two.go();
      await Promise.all([one.ended, two.ended]);
      const isRun = (line: string) => line.startsWith("run_");
      const claimed = [...one.lines.filter(isRun), ...two.lines.filter(isRun)];
      expect(claimed.toSorted()).toEqual(queued.map(({ run }) => run.id).toSorted());
    });

    test("two processes that claim at once never exceed a limit together", async () => {
      await using place = await open();
      const task = await createTask(place.store);
      const repositories = range(1, 20).map((n) => `ada/engine-${n}`);
      for (const repository of range(1, 6).flatMap(() => repositories))
        await place.store.runs.create(newRun(task, { repository }));
      await using one = await startChild(place.address, "claim", server, "3");
      await using two = await startChild(place.address, "claim", otherServer, "3");
      one.go();
      two.go();
      await Promise.all([one.ended, two.ended]);
      const going = await place.store.runs.list({ status: ["starting"], limit: 200 });
      const counts = repositories.map((repository) => going.filter((run) => run.repository === repository).length);
      expect(counts).toEqual(repositories.map(() => 3));
      // Whoever was quicker may have got them all; each has a lease on just those that it was given.
      const leases = await place.store.queue.leases();
      const owned = (by: typeof server) => leases.flatMap(({ id, owner }) => (owner === by ? [id] : [])).toSorted();
      const given = ({ lines }: { lines: string[] }) => lines.filter((line) => line.startsWith("run_")).toSorted();
      expect([owned(server), owned(otherServer)]).toEqual([given(one), given(two)]);
    });
  });
};
