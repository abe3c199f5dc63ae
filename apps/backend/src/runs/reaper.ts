import { isFinal, type RunId } from "@ccr/protocol";
import { within } from "./clock.ts";
import type { RunDeps } from "./deps.ts";
import { clear } from "./sandboxes.ts";
import { messageOf } from "./scene.ts";
import { workplaceAt } from "./workplace.ts";

const PROBE_WITHIN_MS = 5000;

/** Does one part of the cleaning; a part that fails is told, and must not keep the others, or the server, from going on. */
const attempt = async (deps: RunDeps, what: string, act: () => Promise<void>): Promise<void> => {
  await act().catch((error: unknown) =>
    deps.log("error", `${what} failed; it is tried again later`, { error: messageOf(error) }),
  );
};

/**
 * Removes every sandbox of this server that nobody needs any more, and every folder of one that is no more: those of final runs, those of
 * launches that were cut, and those that no record tells of. What a run that is not final may go on from stays. Closes the doors
 * of runs that are over, which ended while nobody looked, or by another server. `drives` says whether this server drives a run; it is asked again for each, since runs
 * come and go meanwhile. Idempotent. Never rejects.
 */
export const reap = async (deps: RunDeps, drives: (id: RunId) => boolean): Promise<void> => {
  await attempt(deps, "looking for left instances", () => reapInstances(deps, drives));
  for (const driver of deps.drivers) {
    // One that cannot be used on this machine has nothing here, and says so at every look.
    if (driver !== deps.driver && !(await within(deps.clock, { ms: PROBE_WITHIN_MS }, (until) => driver.probe(until))).usable)
      continue;
    await attempt(deps, `looking for left sandboxes of ${driver.name}`, async () => {
      for (const handle of await driver.list()) {
        const record = await deps.store.instances.findRecord(handle.instanceId);
        if (record !== null && record.status !== "stopped") continue;
        deps.log("warn", "removing a sandbox that nobody owns", { instanceId: handle.instanceId });
        await attempt(deps, `destroying ${handle.instanceId}`, () => driver.destroy(handle));
      }
    });
  }
  await attempt(deps, "sweeping the folders", () => sweepFolders(deps, drives));
  await attempt(deps, "closing the doors of runs that are over", () => closeDoors(deps, drives));
};

/** Whoever ended the run closed its own door, and not that of the server which drove the run before. */
const closeDoors = async (deps: RunDeps, drives: (id: RunId) => boolean): Promise<void> => {
  for (const id of await deps.doors.list()) {
    if (drives(id)) continue;
    const run = await deps.store.runs.find(id);
    if (run === null || isFinal(run.status)) await deps.doors.close(id);
  }
};

const reapInstances = async (deps: RunDeps, drives: (id: RunId) => boolean): Promise<void> => {
  const records = await deps.store.instances.listRecords({ server: deps.server });
  if (records.length === 0) return;
  const leases = new Map((await deps.store.queue.leases()).map((lease) => [lease.id, lease]));
  for (const record of records) {
    const run = await deps.store.runs.find(record.runId);
    // Whoever takes the run up goes on in its sandbox, and in that of its checks, or removes them.
    const isForOther = ![null, undefined, deps.server].includes(leases.get(record.runId)?.owner);
    const isNeeded = run !== null && !isFinal(run.status) && (run.instanceId === record.id || !isForOther);
    if (isNeeded || drives(record.runId)) continue;
    // Whoever took the run up since the list was read may have taken the sandbox over with it.
    const now = await deps.store.instances.findRecord(record.id);
    if (now === null || now.server !== deps.server) continue;
    deps.log("warn", "taking down a sandbox that its run does not need any more", { instanceId: record.id, runId: record.runId });
    await attempt(deps, `taking down ${record.id}`, () => clear(deps, record, null));
  }
};

const sweepFolders = async (deps: RunDeps, drives: (id: RunId) => boolean): Promise<void> => {
  for (const id of await deps.places.list()) {
    const record = await deps.store.instances.findRecord(id);
    if (record !== null) {
      if (record.status !== "stopped" || drives(record.runId)) continue;
      const run = await deps.store.runs.find(record.runId);
      // A run that was cut between the end of its sandbox and its own is still to be finished.
      if (run !== null && !isFinal(run.status)) continue;
    }
    await attempt(deps, `removing the folders of ${id}`, () => deps.places.remove(workplaceAt(deps.places.of(id))));
  }
};
