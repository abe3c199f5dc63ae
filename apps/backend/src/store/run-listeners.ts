import type { RunId } from "@ccr/protocol";
import type { Changes } from "./changes.ts";

/** Those who want to hear of what is written to single runs. */
export type RunListeners = {
  /** Calls `changed` soon after anything may have been written to the run, in any process, and once at the beginning. The result ends it. `changed` must not throw. */
  listen(runId: RunId, changed: () => void): () => void;
  /** Wakes those of this process. */
  tell(runId: RunId): void;
};

/** Hears what other processes write as long as anybody listens. */
export const createRunListeners = (changes: Pick<Changes, "listen">): RunListeners => {
  const listeners = new Map<RunId, Set<() => void>>();
  let stopListening: (() => void) | null = null;
  const tell = (runId: RunId): void => {
    for (const changed of listeners.get(runId) ?? []) changed();
  };
  return {
    tell,
    listen: (runId, changed) => {
      const own = (): void => changed();
      const known = listeners.get(runId) ?? new Set();
      listeners.set(runId, known.add(own));
      stopListening ??= changes.listen(async (runIds) => {
        for (const id of listeners.keys()) if (runIds === null || runIds.has(id)) tell(id);
      });
      changed();
      return () => {
        known.delete(own);
        if (known.size === 0 && listeners.get(runId) === known) listeners.delete(runId);
        if (listeners.size > 0) return;
        stopListening?.();
        stopListening = null;
      };
    },
  };
};
