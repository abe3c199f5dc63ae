import type { Run, RunId, RunStatus } from "@ccr/protocol";

/** For those who look after the server: what there is, and what may go. */
export interface Upkeep {
  /** How many runs have each status and reason. */
  countRuns(): Promise<{ status: RunStatus; reason: Run["reason"]; count: number }[]>;
  /** Answers when the database can be read and written; throws `CcrError` with `unavailable` or `disk_full` when not. */
  check(): Promise<void>;
  /** What the database takes on its disk, in bytes. */
  sizeBytes(): Promise<number>;
  /** The same for every server that uses this database, for ever, and another one for each other database. */
  databaseId(): Promise<string>;
  /** Final runs that ended before `endedBefore`, oldest first. */
  listEnded(range: { endedBefore: string; limit: number }): Promise<RunId[]>;
  /**
   * Deletes a final run with its transcript, diff, requests and instances, and with the last run of a batch the batch. Whether there was such a
   * run; one that is not final stays.
   */
  deleteRun(id: RunId): Promise<boolean>;
}

/** Runs that have cost something: how many, and how much. */
type Spent = { runs: number; costUsd: number };

/** What is asked of all runs at once, each from an index. */
export interface RunOverview {
  /** What the runs cost that ended from one moment on and before the other. */
  spent(span: { from: string; to: string }): Promise<Spent>;
  /** What those have cost so far that were begun and have not ended. */
  going(): Promise<Spent>;
}

/** What other servers do with the same database. */
export interface RunChanges {
  /**
   * Calls `changed` with the runs that others created, moved, gave up or wrote to, soon after they did; with null when it may have been any,
   * which it does at the beginning too. The result ends it. It never tells of what this store did. `changed` must not throw.
   */
  listen(changed: (runIds: ReadonlySet<RunId> | null) => void): () => void;
}
