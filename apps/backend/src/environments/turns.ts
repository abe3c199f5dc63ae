type Turn = { done: Promise<void>; listeners: Set<(text: string) => void> };

/** See `Setups.oneAtATime`. */
export type OneAtATime = (
  key: string,
  options: {
    work: (tell: (text: string) => void) => Promise<void>;
    /** Somebody is at it already. */
    waits: () => void;
    hear: (text: string) => void;
    signal: AbortSignal;
  },
) => Promise<void>;

/** Lets one at a time work on the same thing, while the others wait for it and hear what it tells. */
export const createTurns = (): OneAtATime => {
  const turns = new Map<string, Turn>();
  const waitFor = async ({ done, listeners }: Turn, { waits, hear, signal }: Parameters<OneAtATime>[1]): Promise<void> => {
    waits();
    listeners.add(hear);
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      await Promise.race([done, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      listeners.delete(hear);
    }
  };
  return async (key, options) => {
    const going = turns.get(key);
    if (going !== undefined) return waitFor(going, options);
    const listeners = new Set([options.hear]);
    const tell = (text: string): void => {
      for (const listener of listeners) listener(text);
    };
    const done = options.work(tell).finally(() => turns.delete(key));
    turns.set(key, { done, listeners });
    await done;
  };
};
