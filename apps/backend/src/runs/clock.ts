import type { Clock } from "./deps.ts";
import { wait } from "./wait.ts";

/** The time of this machine. */
export const systemClock: Clock = { now: () => new Date(), elapsedMs: () => performance.now(), wait };

/** What was asked for did not come in time. */
export class LateError extends Error {
  override readonly name = "LateError";
}

/**
 * Does something that may take `ms` at most, or until the signal: then its own signal aborts, with the outer reason or the error that `late`
 * gives, a `LateError` when left out.
 */
export const within = async <Result>(
  clock: Clock,
  { ms, signal, late }: { ms: number; signal?: AbortSignal; late?: () => Error },
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const done = new AbortController();
  const over = new AbortController();
  void clock.wait(ms, done.signal).then(() => {
    if (!done.signal.aborted) over.abort(late?.() ?? new LateError(`it took longer than ${Math.round(ms / 1000)} s`));
  });
  try {
    return await act(signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]));
  } finally {
    done.abort();
  }
};
