import { type ListedRun, RUN_TEXT_MAX } from "@ccr/protocol";
import type { Client } from "../api/client.ts";

/** So many are shown; the list of runs has more. */
export const RUNS_MOST = 8;
/** One look of the server goes over some thousand runs: so many looks are made by themselves. */
const LOOKS_MOST = 20;

export type FoundRuns = { runs: readonly ListedRun[]; next: string | null };

/**
 * The newest runs in which each word of a text stands somewhere: in the names of task and repositories, the instructions, the id or the sentence of the end.
 * The server looks through all runs, a bounded part at a time; `next` goes on behind this one.
 */
export const findRuns = (
  client: Pick<Client, "runs">,
  { text, cursor }: { text: string; cursor: string | null },
  signal: AbortSignal,
): Promise<FoundRuns> =>
  client.runs.page.query(
    { text: text.slice(0, RUN_TEXT_MAX), limit: RUNS_MOST, ...(cursor === null ? {} : { cursor }) },
    { signal },
  );

/** Whether no further part needs to be looked through. Pure. */
export const isEnough = (pages: readonly FoundRuns[]): boolean =>
  pages.length >= LOOKS_MOST || pages.reduce((sum, { runs }) => sum + runs.length, 0) >= RUNS_MOST;
