import type { RunLimits } from "@ccr/protocol";
import type { SandboxState } from "../drivers/types.ts";
import { inBackground } from "./background.ts";
import { within } from "./clock.ts";
import { RunEnded } from "./ending.ts";
import { ExecutorLostError } from "./executor-client.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import type { Scene } from "./scene.ts";

const LOOK_EVERY_MS = 2000;
// Measuring a large workspace takes time; looking may cost at most a twentieth of it.
const COST_SHARE = 20;
const ANSWER_WITHIN_MS = 5000;
/** An executor that has not answered for this long is frozen: a busy machine keeps one waiting for seconds, not for a minute. */
const SILENT_AFTER_MS = 60_000;
// Time in which we were frozen ourselves does not count: so often must it have been asked in vain.
const SILENT_AFTER_TRIES = 6;

/** The end of a run whose sandbox had too little memory. */
export const outOfMemory = ({ memoryMb }: Pick<RunLimits, "memoryMb">): RunEnded =>
  new RunEnded("limit_memory", `It may use ${memoryMb} MiB; launch again with a higher limit on memory.`);

/** The limit that a sandbox's state is over, if any. `ranOut`: its memory did just now. Pure. */
export const limitOf = (
  state: SandboxState,
  limits: Pick<RunLimits, "diskMb" | "memoryMb">,
  { ranOut }: { ranOut: boolean },
): RunEnded | null => {
  switch (state.status) {
    case "running":
      return state.diskBytes > limits.diskMb * 1024 * 1024
        ? new RunEnded("limit_disk", `It may hold ${limits.diskMb} MiB; launch again with a higher limit on disk.`)
        : null;
    case "exited":
      return state.outOfMemory && ranOut ? outOfMemory(limits) : null;
    case "gone":
      return null;
  }
};

/** What happened to a sandbox that is no longer there, in a sentence. Pure. */
export const deathOf = (state: SandboxState): string => {
  switch (state.status) {
    case "running":
      return "The sandbox's executor did not answer any more.";
    case "exited":
      return `The sandbox ended (its executor exited with code ${state.exitCode}).`;
    case "gone":
      return "The sandbox was removed from outside.";
  }
};

/** Guards this sandbox from now on, and no other one of the run. */
export const tend = async (scene: Scene, opened: OpenedSandbox): Promise<void> => {
  await scene.guard?.stop();
  scene.guard = inBackground((signal) => guardSandbox(scene, opened, { end: scene.stop, signal }));
};

/**
 * Looks after a sandbox until the signal aborts: calls `end` once when it is over a limit, and cuts what waits for its executor when the
 * sandbox is no longer there, or the executor has been silent for a minute.
 */
export const guardSandbox = async (
  { run, deps }: Scene,
  opened: OpenedSandbox,
  options: { end: (why: RunEnded) => void; signal: AbortSignal },
): Promise<void> => {
  const { clock, metrics } = deps;
  const { end, signal } = options;
  let waitMs = LOOK_EVERY_MS;
  let answeredAt = clock.elapsedMs();
  let misses = 0;
  while (!signal.aborted) {
    await clock.wait(waitMs, signal);
    if (signal.aborted) break;
    const startedAt = clock.elapsedMs();
    // An engine that does not answer now says nothing about the sandbox.
    const state = await opened.driver.inspect(opened.handle).catch(() => null);
    waitMs = Math.max(LOOK_EVERY_MS, (clock.elapsedMs() - startedAt) * COST_SHARE);
    if (signal.aborted) break;
    if (state !== null) opened.memory.see(state, clock.elapsedMs());
    const over = state === null ? null : limitOf(state, run.limits, { ranOut: opened.memory.ranOut(clock.elapsedMs()) });
    if (over !== null) {
      end(over);
      break;
    }
    if (state !== null && state.status !== "running") {
      opened.cut.abort(new ExecutorLostError(deathOf(state)));
      break;
    }
    const health = await within(clock, { ms: ANSWER_WITHIN_MS, signal }, (until) => opened.executor.health(until)).catch(
      () => null,
    );
    if (health !== null) {
      answeredAt = clock.elapsedMs();
      misses = 0;
      metrics.spool(run.id, health.spoolBytes);
    } else if (++misses >= SILENT_AFTER_TRIES && clock.elapsedMs() - answeredAt > SILENT_AFTER_MS) {
      opened.cut.abort(new ExecutorLostError("The sandbox's executor has not answered for a minute."));
      break;
    }
  }
};
