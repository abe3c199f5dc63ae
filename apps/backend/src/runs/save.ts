import type { InstanceId, Run, WorkspaceDiff } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import type { RunDeps } from "./deps.ts";
import type { ExecutorClient } from "./executor-client.ts";
import { type Relay, relay } from "./relay.ts";
import type { RunLog } from "./run-log.ts";
import { openSandbox, takeDown } from "./sandboxes.ts";
import { keepWorkspace, makeWorkplace, readLeftSpool, type Workplace, workplaceOf } from "./workplace.ts";

// Saving what there is of a run may take this long; a second sandbox for it has the same time again.
const SAVE_WITHIN_MS = 60_000;

export type Saved =
  | { saved: true; diff: WorkspaceDiff }
  /** `sentence` says what could not be saved, and where what is left of it is. */
  | { saved: false; sentence: string };

type Left = {
  deps: RunDeps;
  run: Run;
  at: Relay;
  log: RunLog;
  place: Workplace;
  /** null: no executor ever answered. */
  executor: ExecutorClient | null;
  /** Told of the instance of a second sandbox before it is made. */
  own: (id: InstanceId) => void;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Everything that an executor still has: its events, and the diff of its workspace. */
const saveFrom = async ({ deps, run, at }: Left, executor: ExecutorClient): Promise<WorkspaceDiff> => {
  const signal = AbortSignal.timeout(SAVE_WITHIN_MS);
  await executor.interrupt(signal);
  await relay(at, executor.follow(await at.transcript.spoolPosition(run.id, at.instanceId), signal), null);
  const diff = await executor.diff(signal);
  await deps.store.runs.saveDiff(run.id, at.fence, diff);
  await deps.store.runs.patch(run.id, at.fence, { headCommit: diff.headCommit });
  return diff;
};

/** Asks a second sandbox, made over the folders that a dead one left. */
const saveFromLeft = async (left: Left): Promise<WorkspaceDiff> => {
  const { deps, run, place, own } = left;
  const signal = AbortSignal.timeout(SAVE_WITHIN_MS);
  const instanceId = deps.newInstanceId();
  own(instanceId);
  await deps.store.instances.create({ id: instanceId, runId: run.id, driver: deps.driver.name });
  try {
    const ownPlace = workplaceOf(deps.folders, instanceId);
    await makeWorkplace(ownPlace);
    const image = deps.images === null ? "" : await deps.images.ensureImage(() => {}, signal);
    const opened = await openSandbox(deps, {
      run,
      instanceId,
      place: { ...place, doors: ownPlace.doors, gatewaySocket: ownPlace.gatewaySocket },
      image,
      mirrorPath: null,
      signal,
    });
    return await saveFrom(left, opened.executor);
  } finally {
    await takeDown(deps, { id: instanceId, driver: deps.driver.name });
  }
};

/**
 * Brings a run's events and its diff to safety: from its executor, else from a second sandbox over what the first one left, else as
 * much as can be read from outside, and the workspace is put aside. Throws `FenceLostError` alone.
 */
export const saveWork = async (left: Left): Promise<Saved> => {
  const { deps, run, at, log, place, executor } = left;
  const tries = [
    ...(executor === null ? [] : [() => saveFrom(left, executor)]),
    async () => {
      await takeDownSandboxOnly(left);
      return saveFromLeft(left);
    },
  ];
  let why = "";
  for (const attempt of tries) {
    try {
      return { saved: true, diff: await attempt() };
    } catch (error) {
      if (error instanceof FenceLostError) throw error;
      why = messageOf(error);
    }
  }
  const guarded = async <Result>(act: () => Promise<Result>): Promise<Result | null> => {
    try {
      return await act();
    } catch (error) {
      if (error instanceof FenceLostError) throw error;
      deps.log("error", "something of a run could not be saved", { runId: run.id, error: messageOf(error) });
      return null;
    }
  };
  await guarded(async () => relay(at, readLeftSpool(place, await at.transcript.spoolPosition(run.id, at.instanceId)), null));
  const kept = await guarded(() => keepWorkspace(deps.folders, place, run.id));
  const sentence =
    kept === null ? `Its changes are lost: ${why}` : `Its changes could not be read (${why}); the workspace is kept in ${kept}.`;
  await guarded(() => log.write({ type: "note", text: sentence }));
  return { saved: false, sentence };
};

/** Ends what is left of the first sandbox, so that nothing works in its folders any more. */
const takeDownSandboxOnly = async ({ deps, at }: Left): Promise<void> => {
  const handle = await deps.store.instances.findHandle(at.instanceId);
  const driver = deps.drivers.find(({ name }) => name === handle?.driver);
  if (handle !== null && driver !== undefined) await driver.destroy(handle);
};
