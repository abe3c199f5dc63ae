const FIRST_PAUSE_MS = 200;

/** Nobody waits longer than this for what works again. */
export const LONGEST_PAUSE_MS = 5000;

/** Pauses between tries, in milliseconds: each twice as long as the one before, up to a limit, until what was tried works. */
export const growingPause = (): { next(): number; reset(): void } => {
  let pauseMs = FIRST_PAUSE_MS;
  return {
    next: () => {
      const now = pauseMs;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      return now;
    },
    reset: () => {
      pauseMs = FIRST_PAUSE_MS;
    },
  };
};
