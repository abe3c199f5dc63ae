import type {
  Batch,
  BatchId,
  BatchRow,
  BatchState,
  BatchVariant,
  ListBatchesInput,
  ListBatchRunsInput,
  Run,
  RunId,
  RunReason,
  RunStatus,
  Task,
} from "@ccr/protocol";
import type { NewMessage, NewRun, RunPatch } from "./types.ts";

export type NewMember = { run: Omit<NewRun, "idempotencyKey">; group: number; variant: string; attempt: number };

export type NewBatch = Pick<Batch, "name" | "maxConcurrent" | "attempts"> & {
  task: Pick<Task, "id" | "name">;
  variants: BatchVariant[];
  /** How many repositories were listed. */
  groups: number;
  /** In the order of their places, which is that in which they are claimed. */
  members: NewMember[];
  idempotencyKey: string | null;
  /** What was asked for, by name: with the same key it has to be the same. */
  request: Readonly<Record<string, unknown>>;
};

/** Where runs go that have one of these statuses now, and what is written with that; see `transition`. */
export type Move = { from: readonly RunStatus[]; to: RunStatus; patch?: RunPatch; message?: NewMessage };

/** So many runs of a batch have this status, reason and mark, and are delivered or not. */
export type Tally = {
  status: RunStatus;
  reason: RunReason | null;
  mark: BatchRow["mark"];
  isDelivered: boolean;
  count: number;
  costUsd: number;
  startedAt: string | null;
  endedAt: string | null;
};

/** How a batch stands. `runs`: how many it has had, replaced ones not counted. */
export type BatchTallies = { batch: Batch; runs: number; tallies: Tally[] };

/** A run that was moved, as it is now. */
export type MovedRun = Pick<Run, "id" | "status" | "reason">;

export interface BatchStore {
  /**
   * Stores the batch with all of its runs, or nothing. With an idempotency key that its task has seen already, gives the batch of then, and
   * `created: false`; throws `CcrError` with `conflict` when that one was asked for in other words.
   */
  create(input: NewBatch): Promise<{ batch: Batch; created: boolean }>;
  find(id: BatchId): Promise<BatchTallies | null>;
  /** The newest first. Throws `CcrError` with `not_found` when `before` is no batch. */
  list(input: ListBatchesInput): Promise<BatchTallies[]>;
  /** The runs of a batch that were not replaced, in the order of their places. */
  rows(
    input: ListBatchRunsInput,
  ): Promise<
    (Omit<BatchRow, "outcome" | "pullRequest"> & Pick<Run, "reason" | "sentence" | "delivered" | "additionalRepositories">)[]
  >;
  /**
   * Sets the state if it is one of `from`; null when it is not, or there is no such batch. Once it resolves, no run of a batch that is not to
   * run is claimed any more, on any server.
   */
  setState(id: BatchId, change: { from: readonly BatchState[]; to: BatchState }): Promise<Batch | null>;
  /** Cancels a batch that has runs that are not final, and moves those, in one transaction. Gives the runs that were moved; null: no such batch. */
  cancel(id: BatchId, moves: readonly Move[]): Promise<MovedRun[] | null>;
  /**
   * Launches again the part of each run that has ended otherwise than `succeeded`, unless its group has a chosen one: a new run, with the steps and
   * limits of the old one, takes its place. A batch that was canceled then runs again. Gives the new runs; null: no such batch.
   */
  retry(id: BatchId): Promise<RunId[] | null>;
  /**
   * Marks the run as the chosen one of its group and the others as closed, and moves those of them that are not final, in one transaction. Gives
   * all others of the group, and those that were moved. Throws `CcrError`: `not_found`; `conflict` for a run that is in no batch, has not ended, or
   * was replaced.
   */
  choose(id: RunId, moves: readonly Move[]): Promise<{ chosen: Run; closed: RunId[]; moved: MovedRun[] }>;
}
