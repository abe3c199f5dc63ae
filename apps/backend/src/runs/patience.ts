import { CcrError } from "@ccr/protocol";
import type { Store } from "../store/types.ts";
import type { Clock, Log } from "./deps.ts";

// A database that restarts is back within seconds, and one that is locked within less; a full disk takes a person.
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 5000;
// So that a log tells of a long outage, but not of each of its tries.
const TELL_EVERY_MS = 60_000;

/** The server ends and leaves its runs as they are: whoever starts next goes on with them. */
export class Leaving extends Error {
  override readonly name = "Leaving";
}

/** The parts of the store that driving a run takes. */
export type RunStores = Pick<
  Store,
  "runs" | "queue" | "budgets" | "instances" | "inputs" | "allowedHosts" | "transcript" | "audit" | "deliveries"
>;

/** Whether the store could not be used: whether what was to be written is stored, nobody knows. */
export const isAway = (error: unknown): boolean =>
  error instanceof CcrError && (error.code === "unavailable" || error.code === "disk_full");

/**
 * The store, to one who would rather wait than fail: what cannot be done because the database is away, locked or full is tried again until
 * it can be, or the signal aborts: then its reason is thrown, whether or not the last try was stored. All that is here may be tried twice: it is fenced, numbered, or sets what it finds to what it should be.
 */
export const patient = (store: RunStores, { clock, log, signal }: { clock: Clock; log: Log; signal: AbortSignal }): RunStores => {
  const waiting =
    <Arguments extends unknown[], Result>(act: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      let toldAt: number | null = null;
      for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
        try {
          return await act(...given);
        } catch (error) {
          if (!isAway(error)) throw error;
          signal.throwIfAborted();
          if (toldAt === null || clock.elapsedMs() - toldAt >= TELL_EVERY_MS) {
            log("warn", "the database cannot be used now; it is tried again", {
              error: error instanceof Error ? error.message : String(error),
            });
            toldAt = clock.elapsedMs();
          }
          await clock.wait(pauseMs, signal);
          signal.throwIfAborted();
        }
      }
    };
  const { runs, queue, budgets, instances, inputs, allowedHosts, transcript, audit, deliveries } = store;
  return {
    runs: {
      create: (input) => runs.create(input),
      find: waiting((id) => runs.find(id)),
      list: waiting((input) => runs.list(input)),
      advance: waiting((id, change) => runs.advance(id, change)),
      patch: waiting((id, fence, patch) => runs.patch(id, fence, patch)),
      setPriority: waiting((id, priority) => runs.setPriority(id, priority)),
      saveDiff: waiting((id, fence, diff) => runs.saveDiff(id, fence, diff)),
      findDiff: waiting((id) => runs.findDiff(id)),
    },
    queue: {
      claimNext: (claimer) => queue.claimNext(claimer),
      queued: waiting((limits) => queue.queued(limits)),
      leases: waiting(() => queue.leases()),
      takeOver: (seen, owner) => queue.takeOver(seen, owner),
      renew: waiting((id, fence, activeMs) => queue.renew(id, fence, activeMs)),
      release: (id, fence) => queue.release(id, fence),
    },
    budgets: {
      today: waiting(() => budgets.today()),
      // Nobody who drives a run sets any.
      set: (input) => budgets.set(input),
    },
    instances: {
      create: waiting(async (input, fence) => {
        const there = await instances.findRecord(input.id);
        // The try before this one may have been stored without our hearing of it.
        return there?.runId === input.runId ? there : instances.create(input, fence);
      }),
      find: waiting((id) => instances.find(id)),
      findRecord: waiting((id) => instances.findRecord(id)),
      list: waiting(() => instances.list()),
      listStopped: waiting((page) => instances.listStopped(page)),
      listRecords: waiting((of) => instances.listRecords(of)),
      saveHandle: waiting((id, handle, fence) => instances.saveHandle(id, handle, fence)),
      setServer: waiting((id, server, fence) => instances.setServer(id, server, fence)),
      setStatus: waiting((id, status, fence) => instances.setStatus(id, status, fence)),
    },
    inputs: {
      // Whoever drives a run says nothing to it.
      add: (runId, body, idempotencyKey, also) => inputs.add(runId, body, idempotencyKey, also),
      edit: (runId, change) => inputs.edit(runId, change),
      withdraw: (runId, id) => inputs.withdraw(runId, id),
      listQueued: waiting((runId) => inputs.listQueued(runId)),
      list: waiting((runId, limit) => inputs.list(runId, limit)),
      listen: (runId, changed) => inputs.listen(runId, changed),
    },
    allowedHosts: {
      // Nor does it allow it anything.
      add: (runId, host, how) => allowedHosts.add(runId, host, how),
      list: waiting((runId) => allowedHosts.list(runId)),
      listen: (runId, changed) => allowedHosts.listen(runId, changed),
    },
    transcript: {
      append: waiting((runId, fence, own) => transcript.append(runId, fence, own)),
      appendSpooled: waiting((runId, fence, spooled) => transcript.appendSpooled(runId, fence, spooled)),
      spoolPosition: waiting((runId, instanceId) => transcript.spoolPosition(runId, instanceId)),
      read: waiting((runId, range) => transcript.read(runId, range)),
      follow: (runId, range, until) => transcript.follow(runId, range, until),
    },
    deliveries: {
      save: waiting((id, delivered) => deliveries.save(id, delivered)),
      list: waiting((to) => deliveries.list(to)),
      listFollowed: waiting(() => deliveries.listFollowed()),
      listContinuing: waiting((id) => deliveries.listContinuing(id)),
    },
    audit: {
      append: waiting((runId, fence, records) => audit.append(runId, fence, records)),
      read: waiting((runId, range) => audit.read(runId, range)),
      newestRefused: waiting((runId, limit) => audit.newestRefused(runId, limit)),
      position: waiting((runId) => audit.position(runId)),
    },
  };
};
