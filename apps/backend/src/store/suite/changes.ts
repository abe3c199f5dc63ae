import type { RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import type { Store } from "../types.ts";
import { claimRun, notes, type OpenPlace, queueRun } from "./place.ts";

/** Counts how often it is told that this run may have changed. */
const listenFor = (store: Store) => {
  const told: (ReadonlySet<RunId> | null)[] = [];
  const stop = store.changes.listen((runIds) => told.push(runIds));
  const wait = (what: string, runId: RunId) =>
    waitFor(() => told.some((runIds) => runIds === null || runIds.has(runId)), { what });
  return { told, stop, wait };
};

export const describeChanges = (open: OpenPlace): void => {
  describe("changes by others", () => {
    test("tells of runs that another store creates, moves, writes to and gives up", async () => {
      await using place = await open();
      const other = await place.open();
      const { told, wait } = listenFor(place.store);
      await waitFor(() => told.length > 0, { what: "the first look at everything" });
      const run = await queueRun(other);
      await wait("the other one to create", run.id);
      told.length = 0;
      const claim = await claimRun(other);
      told.length = 0;
      await other.runs.advance(claim.run.id, { from: ["starting"], to: "running" });
      await wait("the other one to move", claim.run.id);
      told.length = 0;
      await other.transcript.append(claim.run.id, claim.fence, notes(1, 1));
      await wait("the other one to write", claim.run.id);
      told.length = 0;
      await other.queue.release(claim.run.id, claim.fence);
      await wait("the other one to give up", claim.run.id);
    });

    test("tells each who listens, until it ends, and nobody of what the store did itself", async () => {
      await using place = await open();
      const other = await place.open();
      const [one, two] = [listenFor(place.store), listenFor(place.store)];
      await waitFor(() => one.told.length > 0, { what: "the first look at everything" });
      one.told.length = two.told.length = 0;
      const mine = await queueRun(place.store);
      two.stop();
      const theirs = await queueRun(other);
      await one.wait("the other one to create", theirs.id);
      expect(one.told.some((runIds) => runIds?.has(mine.id))).toBe(false);
      expect(two.told).toEqual([]);
    });
  });
};
