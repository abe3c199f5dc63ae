import type { RunId, RunnerBody, STAGES } from "@ccr/protocol";
import type { Transcript } from "../store/types.ts";

type Stage = (typeof STAGES)[number];

/** Writes what we do into a run's transcript, under the supervisor's fencing number. */
export const runLog = (transcript: Transcript, runId: RunId, fence: number) => {
  const write = async (...bodies: RunnerBody[]): Promise<void> => {
    await transcript.append(
      runId,
      fence,
      bodies.map((body) => ({ source: "runner", body })),
    );
  };
  return {
    write,
    /**
     * Tells the start, the progress and the end of a stage around `work`. Progress is told at most once a second, the newest
     * text last: image builds print thousands of lines.
     */
    stage: async <Result>(
      stage: Stage,
      work: (report: (text: string) => void) => Promise<Result>,
      text: { started: string; finished: (result: Result) => string },
    ): Promise<Result> => {
      const startedAt = performance.now();
      const elapsed = () => Math.round(performance.now() - startedAt);
      await write({ type: "stage", stage, state: "started", text: text.started });
      let latest: string | null = null;
      let writing = Promise.resolve();
      const flush = () => {
        if (latest === null) return;
        const progress = latest;
        latest = null;
        writing = writing.then(() => write({ type: "stage", stage, state: "progress", text: progress }));
        // A progress line that cannot be stored is told by the next write that matters, which fails the same way.
        writing.catch(() => {});
      };
      const timer = setInterval(flush, 1000);
      try {
        const result = await work((progress) => {
          latest = progress;
        });
        clearInterval(timer);
        await writing;
        await write({ type: "stage", stage, state: "finished", text: text.finished(result), durationMs: elapsed() });
        return result;
      } catch (error) {
        clearInterval(timer);
        flush();
        await writing.catch(() => {});
        const why = error instanceof Error ? error.message : String(error);
        // When even this cannot be stored, the stage's own error is still the one to tell.
        await write({ type: "stage", stage, state: "failed", text: why, durationMs: elapsed() }).catch(() => {});
        throw error;
      }
    },
  };
};
export type RunLog = ReturnType<typeof runLog>;
