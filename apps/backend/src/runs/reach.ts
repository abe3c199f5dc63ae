import { CcrError, type ErrorCode } from "@ccr/protocol";
import { ExecutorLostError } from "./executor-client.ts";
import { deathOf, limitOf, tend } from "./guard.ts";
import { inspectPatiently, type OpenedSandbox, revive, sandboxOf } from "./sandboxes.ts";
import type { Scene } from "./scene.ts";

const RECONNECT_MS = 200;
// An executor that is alive takes connections at any time; this is for the moments in which its door is made again.
const RECONNECT_TRIES = 50;

/** What an executor answers that is being stopped, as when its engine is: the next one is asked the same. */
const STOPPING: ReadonlySet<ErrorCode> = new Set(["timeout", "unavailable"]);

/** The error as one of an executor that is lost, or null when it is another one. */
export const lossOf = (error: unknown): ExecutorLostError | null => {
  if (error instanceof ExecutorLostError) return error;
  return error instanceof CcrError && STOPPING.has(error.code) ? new ExecutorLostError(error.message, { cause: error }) : null;
};

/** What was lost, after how many tries in a row, and what ends the trying. */
export type Loss = { error: ExecutorLostError; tries: number; signal: AbortSignal };

/**
 * Why a sandbox that was lost is to be given up, in a sentence; null when it is there, after a little while in which its executor may come
 * back. Throws `RunEnded` when it was over a limit.
 */
export const whyGone = async (scene: Scene, opened: OpenedSandbox, { error, tries, signal }: Loss): Promise<string | null> => {
  const { clock } = scene.deps;
  const state = await inspectPatiently(scene, opened, signal);
  opened.memory.see(state, clock.elapsedMs());
  const over = limitOf(state, scene.run.limits, { ranOut: opened.memory.ranOut(clock.elapsedMs()) });
  if (over !== null) throw over;
  if (state.status !== "running") return deathOf(state);
  if (opened.cut.signal.aborted || tries > RECONNECT_TRIES) return sentence(error);
  await clock.wait(RECONNECT_MS, signal);
  signal.throwIfAborted();
  return null;
};

/**
 * Makes that an executor which was lost can be asked again: waits a little for one whose sandbox is there, and revives a sandbox that is
 * not, or whose executor stays silent. Throws `RunEnded` when that cannot be, for instance since it was over a limit.
 */
export const reachAgain = async (scene: Scene, loss: Loss): Promise<void> => {
  const { signal } = loss;
  for (let why = await whyGone(scene, sandboxOf(scene), loss); why !== null; ) {
    try {
      await tend(scene, await revive(scene, { why, prewarm: true, signal }));
      return;
    } catch (again) {
      signal.throwIfAborted();
      // Killed before it answered: the count of its deaths ends this.
      if (!(again instanceof ExecutorLostError)) throw again;
      why = sentence(again);
    }
  }
};

const sentence = ({ message }: ExecutorLostError): string => (message.endsWith(".") ? message : `${message}.`);
