import type { RunLimits, SandboxHandle } from "@ccr/protocol";
import type { SandboxDriver, SandboxState } from "../drivers/types.ts";
import { RunEnded } from "./ending.ts";
import { wait } from "./wait.ts";

const LOOK_EVERY_MS = 2000;
// Measuring a large workspace takes time; looking may cost at most a twentieth of it.
const COST_SHARE = 20;

/** The end that a sandbox's state means, if any. Pure. */
export const endOfState = (state: SandboxState, limits: Pick<RunLimits, "diskMb" | "memoryMb">): RunEnded | null => {
  switch (state.status) {
    case "running":
      return state.diskBytes > limits.diskMb * 1024 * 1024
        ? new RunEnded("limit_disk", `It may hold ${limits.diskMb} MiB; launch again with a higher limit on disk.`)
        : null;
    case "exited":
      return state.outOfMemory
        ? new RunEnded("limit_memory", `It may use ${limits.memoryMb} MiB; launch again with a higher limit on memory.`)
        : new RunEnded("sandbox_lost", `Its executor exited with code ${state.exitCode}.`);
    case "gone":
      return new RunEnded("sandbox_lost", "It was removed from outside.");
  }
};

/** Looks after a sandbox until the signal aborts; calls `end` once when it is over a limit or no longer there. */
export const guardSandbox = async (options: {
  driver: SandboxDriver;
  handle: SandboxHandle;
  limits: RunLimits;
  end: (why: RunEnded) => void;
  signal: AbortSignal;
}): Promise<void> => {
  const { driver, handle, limits, end, signal } = options;
  let waitMs = LOOK_EVERY_MS;
  while (!signal.aborted) {
    await wait(waitMs, signal);
    if (signal.aborted) return;
    const startedAt = performance.now();
    const state = await driver.inspect(handle).catch(() => null);
    waitMs = Math.max(LOOK_EVERY_MS, (performance.now() - startedAt) * COST_SHARE);
    // An engine that does not answer now says nothing about the sandbox; the relay notices a lost connection by itself.
    if (state === null || signal.aborted) continue;
    const why = endOfState(state, limits);
    if (why !== null) {
      end(why);
      return;
    }
  }
};
