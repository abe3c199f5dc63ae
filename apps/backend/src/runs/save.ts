import { checkoutsOf, type WorkspaceDiff } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import { LateError, within } from "./clock.ts";
import { copyConversation, takeCopy } from "./copies.ts";
import { Leaving } from "./patience.ts";
import { lossOf } from "./reach.ts";
import { relay } from "./relay.ts";
import { workOf } from "./repositories.ts";
import { type OpenedSandbox, revive, sandboxOf } from "./sandboxes.ts";
import { messageOf, type Scene } from "./scene.ts";

// An executor that is there answers within a moment, also on a busy machine.
const ANSWER_WITHIN_MS = 10_000;
// A large workspace takes its time to be read, checked and written down.
const SAVE_WITHIN_MS = 300_000;

export type Saved =
  /** `isChecked`: it is what passed the checks, as far as there are any. */
  | { saved: true; diff: WorkspaceDiff; isChecked: boolean }
  /** `sentence` says what could not be saved, and where what is left of it is. */
  | { saved: false; sentence: string };

/** Everything that an executor still has: its events, and a copy of the work. */
const saveFrom = async (scene: Scene, opened: OpenedSandbox): Promise<Saved> => {
  const { run, deps, stores, checked } = scene;
  const { executor, instanceId } = opened;
  await within(deps.clock, { ms: ANSWER_WITHIN_MS }, (signal) => executor.health(signal));
  return within(deps.clock, { ms: SAVE_WITHIN_MS }, async (signal) => {
    await executor.interrupt(signal);
    const after = await stores.transcript.spoolPosition(run.id, instanceId);
    await relay(scene, executor.follow(after, signal), null);
    const known = await checkedDiff(scene);
    if (known !== null) await copyConversation(scene, opened, signal);
    const diff = known ?? (await takeCopy(scene, opened, signal)).diff;
    return { saved: true, diff, isChecked: checked === null || (await isKept(scene, checked)) };
  });
};

const isKept = async ({ run, deps }: Scene, work: string): Promise<boolean> => {
  const kept = await Promise.all(checkoutsOf(run).map(({ directory }) => deps.work.find({ runId: run.id, directory })));
  return kept.every((found) => found !== null) && workOf(kept.map((found) => found.snapshot.snapshotCommit)) === work;
};

/** The diff of what passed the checks, if that is kept: it is the result, and not what something that runs on made of the workspace since. */
export const checkedDiff = async (scene: Scene): Promise<WorkspaceDiff | null> => {
  const { run, stores, checked } = scene;
  return checked !== null && (await isKept(scene, checked)) ? stores.runs.findDiff(run.id) : null;
};

/** Makes a dead sandbox once more, without an agent, and asks it; again when that one dies, too, as often as a sandbox is made again. */
const saveFromDead = (scene: Scene): Promise<Saved> =>
  within(scene.deps.clock, { ms: SAVE_WITHIN_MS }, async (signal) => {
    scene.revivals = 0;
    const why = "The sandbox was gone before its work was saved.";
    for (;;) {
      try {
        return await saveFrom(scene, await revive(scene, { why, prewarm: false, signal }));
      } catch (error) {
        signal.throwIfAborted();
        if (lossOf(error) === null && !(error instanceof LateError)) throw error;
      }
    }
  });

/**
 * Brings a run's events and its work to safety: from its executor, else from a second sandbox over what the first one left, else as
 * much as can be read from outside, and the workspace is put aside. Throws `FenceLostError` and `Leaving` alone.
 */
export const saveWork = async (scene: Scene): Promise<Saved> => {
  const { run, deps, stores, log } = scene;
  const { place, instanceId } = sandboxOf(scene);
  // An agent that is to be interrupted must be ours.
  await scene.hold();
  let why = "";
  for (const attempt of [() => saveFrom(scene, sandboxOf(scene)), () => saveFromDead(scene)]) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof FenceLostError || error instanceof Leaving) throw error;
      await scene.hold();
      why = messageOf(error);
      deps.log("warn", "a run's work could not be saved in one way", { runId: run.id, error: why });
    }
  }
  const guarded = async <Result>(act: () => Promise<Result>): Promise<Result | null> => {
    try {
      return await act();
    } catch (error) {
      if (error instanceof FenceLostError || error instanceof Leaving) throw error;
      deps.log("error", "something of a run could not be saved", { runId: run.id, error: messageOf(error) });
      return null;
    }
  };
  const after = await stores.transcript.spoolPosition(run.id, instanceId);
  await guarded(() => relay(scene, deps.places.leftSpool(place, after), null));
  // What it did after its checks had passed is lost with it, and no part of the result.
  const diff = await guarded(() => checkedDiff(scene));
  if (diff !== null) return { saved: true, diff, isChecked: true };
  const copy = await guarded(() => deps.work.find({ runId: run.id, directory: run.directory }));
  const aside = await guarded(() => deps.places.keepWorkspace(place, run.id));
  const earlier = copy === null ? "" : ` A copy of the work of ${copy.at} is kept.`;
  const sentence =
    aside === null
      ? `What it changed last is lost: ${why}${earlier}`
      : `Its changes could not be read (${why}); the workspace is kept in ${aside}.${earlier}`;
  await guarded(() => log.write({ type: "note", text: sentence }));
  return { saved: false, sentence };
};
