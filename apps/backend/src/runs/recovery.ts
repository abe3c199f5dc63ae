import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type InstanceId, RUN_REASONS, type Run } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import { ending } from "./ending.ts";
import { connectExecutor } from "./executor-client.ts";
import { runLog } from "./run-log.ts";
import { takeDown } from "./sandboxes.ts";
import { saveWork } from "./save.ts";
import { addUsage } from "./usage.ts";
import { removeFolder, workplaceOf } from "./workplace.ts";

/** Does one part of the cleaning; a part that fails is told, and must not keep the others, or the server, from going on. */
const attempt = async (deps: RunDeps, what: string, act: () => Promise<void>): Promise<void> => {
  await act().catch((error: unknown) =>
    deps.log("error", `${what} failed; it is tried again later`, {
      error: error instanceof Error ? error.message : String(error),
    }),
  );
};

/**
 * Destroys every sandbox that no going run owns, whoever left it, and removes the folders of instances that are no more.
 * `owned` is asked again for each, since runs come and go meanwhile. Never rejects.
 */
export const reap = async (deps: RunDeps, owned: (id: InstanceId) => boolean): Promise<void> => {
  await attempt(deps, "taking down left instances", async () => {
    for (const instance of await deps.store.instances.list()) {
      if (!owned(instance.id)) await attempt(deps, `taking down ${instance.id}`, () => takeDown(deps, instance));
    }
  });
  for (const driver of deps.drivers) {
    // One that cannot be used on this machine has nothing here, and says so at every look.
    if (driver !== deps.driver && !(await driver.probe(AbortSignal.timeout(5000))).usable) continue;
    await attempt(deps, `looking for left sandboxes of ${driver.name}`, async () => {
      for (const handle of await driver.list()) {
        if (owned(handle.instanceId)) continue;
        deps.log("warn", "removing a sandbox that nobody owns", { instanceId: handle.instanceId });
        await attempt(deps, `destroying ${handle.instanceId}`, () => driver.destroy(handle));
      }
    });
  }
};

/** Removes every folder of an instance; to be called when none is there any more. */
const sweepFolders = async (deps: RunDeps): Promise<void> => {
  const left = new Set((await deps.store.instances.list()).map(({ id }): string => id));
  for (const parent of [deps.folders.instances, deps.folders.doors]) {
    for (const name of await readdir(parent)) {
      if (!name.startsWith("inst_") || left.has(name)) continue;
      await attempt(deps, `removing ${name}`, () => removeFolder(join(parent, name)));
    }
  }
};

/**
 * Takes care of what an earlier process left: every run that was going on is ended, after its messages and its changes were
 * brought to safety, and every sandbox is removed. Queued runs stay queued. Idempotent; to be called before anything is claimed.
 */
export const recover = async (deps: RunDeps): Promise<void> => {
  for (const run of await deps.store.runs.listUnfinished()) {
    if (run.status === "queued") continue;
    await attempt(deps, `ending ${run.id}, which an earlier process left,`, () => endLeftRun(deps, run));
  }
  await reap(deps, () => false);
  await attempt(deps, "sweeping the folders", () => sweepFolders(deps));
};

const endLeftRun = async (deps: RunDeps, left: Run): Promise<void> => {
  const { store } = deps;
  const claim = await store.runs.takeOver(left.id);
  if (claim === null) return;
  const { run, fence } = claim;
  const saved = run.instanceId === null ? null : await save(deps, { run, instanceId: run.instanceId, fence });
  const end =
    run.status === "canceling"
      ? ending("canceled")
      : ending("server_restarted", saved === null ? "Launch it again." : `${saved} Launch it again to have it finished.`);
  const { status } = RUN_REASONS[end.reason];
  await store.runs.advance(run.id, {
    from: [run.status],
    to: status,
    fence,
    patch: { ...end, endedAt: deps.now().toISOString() },
    message: { source: "runner", body: { type: "status", status, ...end } },
  });
  deps.log("warn", "ended a run that an earlier process left", { runId: run.id });
};

/** Saves as much as can be had, and says in a sentence what that is; null when there was nothing yet. */
const save = async (deps: RunDeps, left: { run: Run; instanceId: InstanceId; fence: number }): Promise<string | null> => {
  const { run, instanceId, fence } = left;
  const { transcript, instances, runs } = deps.store;
  const handle = await instances.findHandle(instanceId);
  if (handle === null) return null;
  let { usage } = run;
  const heard = async (body: Parameters<typeof addUsage>[1]) => {
    const next = addUsage(usage, body);
    if (next === usage) return;
    usage = next;
    await runs.patch(run.id, fence, { usage });
  };
  const saved = await saveWork({
    deps,
    run,
    at: { run, fence, instanceId, transcript, heard },
    log: runLog(transcript, run.id, fence),
    place: workplaceOf(deps.folders, instanceId),
    executor: connectExecutor(handle.endpoint),
    // Nothing reaps while this is going on.
    own: () => {},
  });
  return saved.saved ? "What it did until then is kept." : saved.sentence;
};
