import { wait } from "./wait.ts";

/** A loop that its owner stops and awaits. */
export type Background = {
  /** Gives the loop `graceMs` to end by itself, then stops it, and waits for it. Rejects with the error that the loop ended with. Idempotent. */
  stop(graceMs?: number): Promise<void>;
};

/** Runs a loop beside what else is done, until its owner stops it. */
export const inBackground = (loop: (signal: AbortSignal) => Promise<void>): Background => {
  const stopping = new AbortController();
  const ended = new AbortController();
  const running = loop(stopping.signal)
    .catch((error: unknown) => {
      if (!stopping.signal.aborted) throw error;
    })
    .finally(() => ended.abort());
  // Nobody looks at the promise before the owner stops the loop.
  running.catch(() => {});
  return {
    stop: async (graceMs = 0) => {
      if (graceMs > 0) await wait(graceMs, ended.signal);
      stopping.abort();
      await running;
    },
  };
};
