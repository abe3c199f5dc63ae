/** A loop that its owner stops and awaits. */
export type Background = {
  /**
   * Stops the loop once `grace` resolves, at once when left out, and waits for it. The signal that `grace` is given aborts when the loop ends
   * by itself. Rejects with the error that the loop ended with. Idempotent.
   */
  stop(grace?: (ended: AbortSignal) => Promise<void>): Promise<void>;
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
    stop: async (grace) => {
      await grace?.(ended.signal);
      stopping.abort();
      await running;
    },
  };
};
