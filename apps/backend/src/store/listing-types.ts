import type {
  BatchId,
  KnownRepository,
  ListedRun,
  PageRunsInput,
  Run,
  RunCounts,
  RunFilter,
  RunId,
  RunStatus,
  SelectedRuns,
} from "@ccr/protocol";
import type { NewQuickTask, NewRun } from "./types.ts";

/** A run as it is listed, but for what the queue and the outcome say. */
export type RunRow = Run & Pick<ListedRun, "diff">;

/** A queued run, in no order; `batch` is null when it was launched by itself. */
export type QueuedOf = { id: RunId; batch: { id: BatchId; name: string } | null };

/** Lists of runs. One call looks at so many rows at most, however many there are. */
export interface RunListing {
  /**
   * A page of those that fit. What comes in or moves meanwhile neither doubles a run in later pages nor hides one that stays where it is. A page that is
   * shorter than its limit does not mean the end, `next` null does. Throws `CcrError` with `bad_request` for a cursor that is none of this sort.
   */
  page(input: PageRunsInput): Promise<{ runs: RunRow[]; next: string | null }>;
  counts(filter: Omit<RunFilter, "status">): Promise<RunCounts>;
  select(filter: RunFilter): Promise<SelectedRuns>;
  /** Those that there are, in no order. */
  some(ids: readonly RunId[]): Promise<RunRow[]>;
  queued(): Promise<QueuedOf[]>;
  /** Of the newest runs, each repository once, the last used first. */
  repositories(): Promise<KnownRepository[]>;
}

/** Runs that ended badly and that nobody has dismissed. */
export interface AttentionStore {
  /** Those that ended after `endedAfter`, but for those that a batch launched again: the newest end first. */
  list(range: { endedAfter: string; limit: number }): Promise<RunRow[]>;
  /** Sets whether somebody has seen to them; runs that did not end badly stay as they are. How many there were. */
  dismiss(ids: readonly RunId[], dismissed: boolean): Promise<number>;
}

/** Runs with a task of their own. */
export interface QuickRuns {
  /**
   * Creates the task and its run in one commit. With an idempotency key that was seen before gives the run of then, and `created: false`; throws
   * `CcrError` with `conflict` when that one is for something else.
   */
  start(task: NewQuickTask, run: Omit<NewRun, "task">): Promise<{ run: Run; created: boolean }>;
}

/** The statuses of runs that ended badly. */
export const ENDED_BADLY = ["failed", "errored"] as const satisfies readonly RunStatus[];
