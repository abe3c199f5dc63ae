/** What cannot be reached: the server at all, or a live stream alone. `since` is when that was first noticed. */
export type Unreachable = { what: "server" | "stream"; since: number };

/** Whether the server answers, from all that is asked of it. */
export interface Reachability {
  /** Tells how a request, or the stream of that name, went. */
  report(source: "requests" | `stream ${string}`, reached: boolean): void;
  /** Null while all is well; the same object until something changes. */
  current(): Unreachable | null;
  subscribe(listener: () => void): () => void;
}

/** One request that is lost, as when a laptop wakes up, is nothing to tell of. */
const GRACE_MS = 1000;

/** Says that something is unreachable once it has been for a moment, and that it is back at once. */
export const createReachability = (): Reachability => {
  const failing = new Map<string, number>();
  const listeners = new Set<() => void>();
  let state: Unreachable | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const evaluate = (): void => {
    const what = failing.has("requests") ? "server" : "stream";
    const next = failing.size === 0 ? null : ({ what, since: Math.min(...failing.values()) } as const);
    if (next?.what === state?.what) return;
    state = next;
    for (const listener of listeners) listener();
  };
  const settle = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    evaluate();
  };
  return {
    report(source, reached) {
      if (reached) failing.delete(source);
      else if (!failing.has(source)) failing.set(source, Date.now());
      if (state !== null || failing.size === 0) settle();
      else timer ??= setTimeout(settle, GRACE_MS);
    },
    current: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
