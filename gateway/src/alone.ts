/** Ends what nobody needs any more. */
export type Solitude = {
  /** Somebody was heard of: the time starts anew. */
  heard(): void;
  stop(): void;
};

/** Without an open door nothing is lost with the gateway but the moment that starting another one takes. */
const WITHOUT_DOORS_MS = 60_000;
const LOOKS = 20;

/**
 * Calls `end` once, when nobody was heard of for `aloneMs`, or a minute while no door is open, or when nobody can reach us any more. Time
 * in which this process was stopped counts as one look: whoever spoke meanwhile could not be heard.
 */
export const watchSolitude = (options: {
  aloneMs: number;
  hasDoors: () => boolean;
  /** Whether a word from outside could still arrive. */
  isReachable: () => Promise<boolean>;
  end: (why: string) => void;
}): Solitude => {
  const { aloneMs, hasDoors, isReachable, end } = options;
  const lookEveryMs = Math.min(aloneMs, WITHOUT_DOORS_MS) / LOOKS;
  let silentMs = 0;
  let lastLookAt = performance.now();
  let isStopped = false;
  let timer: NodeJS.Timeout;

  const look = async (): Promise<void> => {
    const now = performance.now();
    silentMs += Math.min(now - lastLookAt, 2 * lookEveryMs);
    lastLookAt = now;
    const reachable = await isReachable();
    if (isStopped) return;
    if (!reachable) return end("its control socket is gone");
    if (silentMs >= (hasDoors() ? aloneMs : Math.min(aloneMs, WITHOUT_DOORS_MS)))
      return end(`nobody asked for anything in ${Math.round(silentMs / 1000)} s`);
    timer = setTimeout(() => void look(), lookEveryMs);
  };
  timer = setTimeout(() => void look(), lookEveryMs);
  return {
    heard: () => {
      silentMs = 0;
    },
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
};
