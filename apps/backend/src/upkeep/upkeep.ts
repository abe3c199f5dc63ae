import type { CleanUpInput, CleanUpResult, DiskReport } from "@ccr/protocol";
import { createDiskView, type DiskViewOptions } from "./disk-view.ts";
import { createRetention, type RetentionOptions } from "./retention.ts";

export type UpkeepOptions = RetentionOptions & Omit<DiskViewOptions, "nextSweepAt">;

/** What looks after the disks. */
export interface Upkeep extends AsyncDisposable {
  /** What takes how much; at most half a minute old. */
  disk(): Promise<DiskReport>;
  /** Removes now what a person names. Resolves when it is done. */
  cleanUp(input: CleanUpInput): Promise<CleanUpResult>;
}

const SWEEP_EVERY_MS = 3600_000;
// A machine may boot with any time on its clock, and is told the right one within some minutes.
const FIRST_SWEEP_AFTER_MS = 10 * 60_000;
// A clock that is set forward makes everything old at once.
const CLOCK_SET_MS = 24 * 3600_000;

const reasonOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** Sweeps ten minutes after the start and then every hour, until it is disposed of. */
export const startUpkeep = (options: UpkeepOptions): Upkeep => {
  const { clock, log } = options;
  const closing = new AbortController();
  const retention = createRetention(options);
  const going = new Set<Promise<void>>();
  let nextSweepAt: Date | null = null;
  const view = createDiskView({ ...options, nextSweepAt: () => nextSweepAt });

  /** How far the wall's clock went beyond the one that nobody sets, since the last time. */
  const watchClock = () => {
    let last = { now: clock.now().getTime(), elapsed: clock.elapsedMs() };
    return (): number => {
      const next = { now: clock.now().getTime(), elapsed: clock.elapsedMs() };
      const leapMs = next.now - last.now - (next.elapsed - last.elapsed);
      last = next;
      return leapMs;
    };
  };

  const run = async (): Promise<void> => {
    const leap = watchClock();
    const waitFor = async (ms: number): Promise<void> => {
      nextSweepAt = new Date(clock.now().getTime() + ms);
      await clock.wait(ms, closing.signal);
    };
    await waitFor(FIRST_SWEEP_AFTER_MS);
    while (!closing.signal.aborted) {
      if (leap() > CLOCK_SET_MS) {
        log("warn", "the clock went forward by more than a day; retention waits an hour, should that have been a mistake");
      } else {
        try {
          await retention.sweep(closing.signal);
          view.forget();
        } catch (error) {
          if (!closing.signal.aborted) log("error", "retention failed", { error: reasonOf(error) });
        }
      }
      await waitFor(SWEEP_EVERY_MS);
    }
  };
  const loop = run();

  return {
    disk: () => view.report(),
    cleanUp: async ({ what }) => {
      const cleaning = retention.remove(what, closing.signal);
      const settled = cleaning.then(
        () => {},
        () => {},
      );
      going.add(settled);
      try {
        const all = await cleaning;
        for (const { kind, count, bytes } of all) if (count > 0) log("info", `a person removed ${kind}`, { count, bytes });
        const problems = all.flatMap((removed) => removed.problems);
        for (const problem of problems) log("warn", `cleaning up: ${problem}`);
        return { removed: all.map(({ kind, count, bytes }) => ({ kind, count, bytes })), problems };
      } finally {
        going.delete(settled);
        view.forget();
      }
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await loop;
      await Promise.all(going);
    },
  };
};
