import type {
  Batch,
  BatchId,
  BatchRow,
  BatchView,
  CreateBatchInput,
  ListBatchesInput,
  ListBatchRunsInput,
  RunId,
} from "@ccr/protocol";

/** What the API may ask about runs that are launched together. Every method throws `CcrError` with `not_found` for an id that is not there. */
export interface Batches {
  /** All of its runs, or none: throws `CcrError` with `bad_request` that names every entry that cannot be used. */
  create(input: CreateBatchInput): Promise<Batch>;
  get(id: BatchId): Promise<BatchView>;
  list(input: ListBatchesInput): Promise<BatchView[]>;
  rows(input: ListBatchRunsInput): Promise<BatchRow[]>;
  /** While it is paused nothing of it starts; what goes on goes on. Idempotent. Throws `CcrError` with `conflict` for one that was canceled. */
  setPaused(id: BatchId, paused: boolean): Promise<BatchView>;
  /** Ends what waits at once, and what goes on as `runs.cancel` does. One whose runs have all ended stays as it is. */
  cancel(id: BatchId): Promise<BatchView>;
  /** Launches again what ended badly, in its place; how many that are. */
  retry(id: BatchId): Promise<{ launched: number }>;
  /** Takes one run of those that compete, and closes the others. Idempotent. Throws `CcrError` with `conflict` for one that cannot be taken. */
  choose(runId: RunId): Promise<{ chosen: RunId; closed: RunId[] }>;
}
