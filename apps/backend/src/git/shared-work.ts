type Report = (text: string) => void;

interface Job<T> {
  /** Milliseconds; null while it waits for its turn. */
  startedAt: number | null;
  waiting: number;
  reports: Set<Report>;
  controller: AbortController;
  promise: Promise<T>;
}

export interface SharedWork<T> {
  run(
    key: string,
    work: (signal: AbortSignal, report: Report) => Promise<T>,
    options: { report: Report; signal: AbortSignal },
  ): Promise<T>;
}

/**
 * Runs work of one key one at a time. Callers that come at once (within `togetherMs` of the start) share it; a later one could need
 * what the running work did not see any more, so all of those share the next. The work is aborted when the last of its callers has
 * left; that caller's promise rejects when the work has ended.
 */
export const createSharedWork = <T>(now: () => number, togetherMs: number): SharedWork<T> => {
  const running = new Map<string, Job<T>>();
  const next = new Map<string, Job<T>>();

  const start = (key: string, work: (signal: AbortSignal, report: Report) => Promise<T>, after: Job<T> | null): Job<T> => {
    const controller = new AbortController();
    const reports = new Set<Report>();
    const execute = async (): Promise<T> => {
      if (after !== null) {
        await after.promise.catch(() => {}); // its own callers hear of it
        next.delete(key);
      }
      running.set(key, job);
      job.startedAt = now();
      try {
        controller.signal.throwIfAborted();
        return await work(controller.signal, (text) => {
          for (const report of reports) report(text);
        });
      } finally {
        if (running.get(key) === job) running.delete(key);
      }
    };
    const ready = Promise.withResolvers<void>();
    const job: Job<T> = { startedAt: null, waiting: 0, reports, controller, promise: ready.promise.then(execute) };
    job.promise.catch(() => {}); // every caller waits for it by itself
    ready.resolve();
    if (after === null) running.set(key, job);
    else next.set(key, job);
    return job;
  };

  const find = (key: string): Job<T> | null => {
    const current = running.get(key);
    const fresh = current !== undefined && (current.startedAt === null || now() - current.startedAt <= togetherMs);
    if (fresh && !current.controller.signal.aborted) return current;
    const later = next.get(key);
    return later !== undefined && !later.controller.signal.aborted ? later : null;
  };

  return {
    run: async (key, work, { report, signal }) => {
      signal.throwIfAborted();
      const job = find(key) ?? start(key, work, next.get(key) ?? running.get(key) ?? null);
      job.waiting++;
      job.reports.add(report);
      const left = Promise.withResolvers<never>();
      const leave = () => left.reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([job.promise, left.promise]);
      } finally {
        signal.removeEventListener("abort", leave);
        job.reports.delete(report);
        job.waiting--;
        if (job.waiting === 0 && signal.aborted) {
          job.controller.abort(signal.reason);
          await job.promise.catch(() => {}); // it was told to end
        }
      }
    },
  };
};
