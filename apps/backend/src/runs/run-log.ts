import type { RunId, RunnerBody, STAGES } from "@ccr/protocol";
import type { NewMessage, RunPatch, Transcript } from "../store/types.ts";
import type { Clock } from "./deps.ts";
import { isAway, Leaving } from "./patience.ts";

type Stage = (typeof STAGES)[number];

const PROGRESS_EVERY_MS = 1000;

/** Writes what we do into a run's transcript, under the supervisor's fencing number: each message once, in the order of the calls. */
export const runLog = (options: {
  transcript: Pick<Transcript, "append">;
  clock: Clock;
  runId: RunId;
  fence: number;
  /** What is stored beside a patch. */
  beside?: (patch: RunPatch) => RunPatch;
}) => {
  const { transcript, clock, runId, fence, beside = (patch) => patch } = options;
  let next = 1;
  let last: Promise<unknown> = Promise.resolve();
  /** Messages of which nobody knows whether they are stored: they keep their numbers, and come before whatever follows. */
  let unsure: NewMessage[] = [];
  const store = async (bodies: readonly RunnerBody[], patch: RunPatch | undefined): Promise<void> => {
    const messages = [...unsure, ...bodies.map((body) => ({ source: "runner" as const, body, at: clock.now().toISOString() }))];
    try {
      await transcript.append(runId, fence, { first: next, messages, ...(patch === undefined ? {} : { patch: beside(patch) }) });
    } catch (error) {
      if (isAway(error) || error instanceof Leaving) unsure = messages;
      throw error;
    }
    unsure = [];
    next += messages.length;
  };
  /** Appends the messages, and with them the patch, as one commit. */
  const record = (bodies: readonly RunnerBody[], patch?: RunPatch): Promise<void> => {
    // One that the store refused takes no number, and hinders none that comes after it.
    const stored = last.then(() => store(bodies, patch));
    last = stored.catch(() => {});
    return stored;
  };
  const write = (...bodies: RunnerBody[]): Promise<void> => record(bodies);
  return {
    write,
    record,
    /**
     * Tells the start, the progress and the end of a stage around `work`. Progress is told at most once a second, the newest
     * text last: image builds print thousands of lines.
     */
    stage: async <Result>(
      stage: Stage,
      work: (report: (text: string) => void) => Promise<Result>,
      text: { started: string; finished: (result: Result) => string },
    ): Promise<Result> => {
      const startedAt = clock.elapsedMs();
      const elapsed = () => Math.round(clock.elapsedMs() - startedAt);
      await write({ type: "stage", stage, state: "started", text: text.started });
      let latest: string | null = null;
      const flush = async (): Promise<void> => {
        if (latest === null) return;
        const progress = latest;
        latest = null;
        // A progress line that cannot be stored is told by the next write that matters, which fails the same way.
        await write({ type: "stage", stage, state: "progress", text: progress }).catch(() => {});
      };
      const done = new AbortController();
      const telling = (async () => {
        while (!done.signal.aborted) {
          await clock.wait(PROGRESS_EVERY_MS, done.signal);
          if (!done.signal.aborted) await flush();
        }
      })();
      const stop = async (): Promise<void> => {
        done.abort();
        await telling;
      };
      try {
        const result = await work((progress) => {
          latest = progress;
        });
        await stop();
        await write({ type: "stage", stage, state: "finished", text: text.finished(result), durationMs: elapsed() });
        return result;
      } catch (error) {
        await stop();
        await flush();
        const why = error instanceof Error ? error.message : String(error);
        // When even this cannot be stored, the stage's own error is still the one to tell.
        await write({ type: "stage", stage, state: "failed", text: why, durationMs: elapsed() }).catch(() => {});
        throw error;
      }
    },
  };
};
export type RunLog = ReturnType<typeof runLog>;
