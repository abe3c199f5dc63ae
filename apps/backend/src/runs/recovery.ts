import { RUN_REASONS, type Run } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import { ending } from "./ending.ts";
import { connectExecutor } from "./executor-client.ts";
import { runLog } from "./run-log.ts";
import { relay } from "./steps.ts";
import { addUsage } from "./usage.ts";
import { readLeftSpool, removeWorkplace, workplaceOf } from "./workplace.ts";

// A sandbox that outlived its server answers at once or not at all.
const SAVE_WITHIN_MS = 20_000;

/**
 * Takes care of what an earlier process left: every run that was going on is ended, after its messages and its diff were
 * brought to safety, and every sandbox is removed. Queued runs stay queued. Idempotent; to be called before anything is claimed.
 */
export const recover = async (deps: RunDeps): Promise<void> => {
  for (const run of await deps.store.runs.listUnfinished()) {
    if (run.status !== "queued") await endLeftRun(deps, run);
  }
  for (const handle of await deps.driver.list()) {
    await deps.driver.destroy(handle);
    deps.log("warn", "removed a sandbox that nobody owned", { instanceId: handle.instanceId });
  }
  for (const instance of await deps.store.instances.list()) {
    await removeWorkplace(workplaceOf(deps.folders, instance.id));
    await deps.store.instances.setStatus(instance.id, "stopped");
  }
};

const endLeftRun = async (deps: RunDeps, left: Run): Promise<void> => {
  const { store } = deps;
  const claim = await store.runs.takeOver(left.id);
  if (claim === null) return;
  const { run, fence } = claim;
  const log = runLog(store.transcript, run.id, fence);
  if (run.instanceId !== null) await save(deps, { ...run, instanceId: run.instanceId }, fence);
  const canceled = run.status === "canceling";
  const end = canceled ? ending("canceled") : ending("server_restarted", "What it did until then is kept; launch it again.");
  const { status } = RUN_REASONS[end.reason];
  await log.write({ type: "status", status, reason: end.reason, sentence: end.sentence });
  await store.runs.advance(run.id, {
    from: [run.status],
    to: status,
    fence,
    patch: { ...end, endedAt: deps.now().toISOString() },
  });
  deps.log("warn", "ended a run that an earlier process left", { runId: run.id });
};

/** As much as can be had: from the executor when it still answers, else from the spool that it left. */
const save = async (deps: RunDeps, run: Run & { instanceId: NonNullable<Run["instanceId"]> }, fence: number): Promise<void> => {
  const { transcript, instances, runs } = deps.store;
  const { instanceId } = run;
  const at = {
    run,
    fence,
    instanceId,
    transcript,
    heard: async (body: Parameters<typeof addUsage>[1]) => {
      const usage = addUsage(run.usage, body);
      if (usage !== run.usage) await runs.patch(run.id, fence, { usage });
    },
  };
  const handle = await instances.findHandle(instanceId);
  const signal = AbortSignal.timeout(SAVE_WITHIN_MS);
  try {
    if (handle === null) throw new Error("no sandbox was made");
    const executor = connectExecutor(handle.endpoint);
    await executor.interrupt(signal);
    await relay(at, executor.follow(await transcript.spoolPosition(run.id, instanceId), signal), null);
    await runs.saveDiff(run.id, fence, await executor.diff(signal));
  } catch (error) {
    const left = await readLeftSpool(workplaceOf(deps.folders, instanceId), await transcript.spoolPosition(run.id, instanceId));
    if (left.length > 0) await transcript.appendSpooled(run.id, fence, { instanceId, events: left });
    deps.log("warn", "a left run's changes could not be saved", {
      runId: run.id,
      error: error instanceof Error ? error.message : String(error),
    });
  }
};
