import type {
  AuditRecord,
  CreateTaskInput,
  Instance,
  InstanceId,
  ListRunsInput,
  Message,
  Run,
  RunId,
  RunLimits,
  RunStatus,
  SandboxHandle,
  SpoolEvent,
  Task,
  TaskId,
  UpdateTaskInput,
  WorkspaceDiff,
} from "@ccr/protocol";

export interface TaskStore {
  create(input: CreateTaskInput): Promise<Task>;
  find(id: TaskId): Promise<Task | null>;
  /** Every task, the newest first. */
  list(): Promise<Task[]>;
  /** null: no such task. */
  update(input: UpdateTaskInput): Promise<Task | null>;
  /** Whether there was such a task. Runs of it stay: they hold copies. */
  delete(id: TaskId): Promise<boolean>;
}

export type NewRun = {
  task: Task;
  repository: string;
  ref: string | null;
  model: string | null;
  limits: RunLimits;
  idempotencyKey: string | null;
};

/** What may be written beside the status. A field that is left out stays as it is. */
export type RunPatch = Partial<
  Pick<
    Run,
    | "reason"
    | "sentence"
    | "stepIndex"
    | "instanceId"
    | "driver"
    | "baseCommit"
    | "headCommit"
    | "usage"
    | "startedAt"
    | "endedAt"
  >
>;

export type Claim = { run: Run; fence: number };

/**
 * The one who writes may not any more, and nothing was written: the run has another fencing number, so that somebody else drives it now, or
 * it is final. Every method that takes a fencing number throws `CcrError` with `not_found` for a run that is not there.
 */
export class FenceLostError extends Error {
  override readonly name = "FenceLostError";
}

export interface RunStore {
  /** With an idempotency key that this task has seen already, gives the run of then, and `created: false`. */
  create(input: NewRun): Promise<{ run: Run; created: boolean }>;
  find(id: RunId): Promise<Run | null>;
  /** The newest first; runs of one millisecond in the order of their ids. Throws `CcrError` with `not_found` when `before` is no run. */
  list(input: ListRunsInput): Promise<Run[]>;
  /** Every run that is not final, oldest first. */
  listUnfinished(): Promise<Run[]>;
  /** Takes the oldest queued run: sets it to `starting` and raises its fencing number, in one statement, so that two callers never get the same run. */
  claimNext(): Promise<Claim | null>;
  /** Raises the fencing number of an unfinished run, so that whoever drove it before is locked out. null: the run is final or not there. */
  takeOver(id: RunId): Promise<Claim | null>;
  /**
   * Sets the status, and with it the patch and the message, which is then the transcript's newest, if the run has a status of `from` now and, when `fence` is given, that fencing number.
   * A final status is never left, whatever `from` says. null: somebody else moved it first, or there is no such run.
   */
  advance(
    id: RunId,
    change: { from: readonly RunStatus[]; to: RunStatus; fence?: number; patch?: RunPatch; message?: NewMessage },
  ): Promise<Run | null>;
  /** Writes the patch alone. Throws `FenceLostError` when the fencing number is not the run's. */
  patch(id: RunId, fence: number, patch: RunPatch): Promise<Run>;
  /** Keeps the last diff that was saved. Throws `FenceLostError`. */
  saveDiff(id: RunId, fence: number, diff: WorkspaceDiff): Promise<void>;
  findDiff(id: RunId): Promise<WorkspaceDiff | null>;
}

export interface InstanceStore {
  /** Stored before the sandbox is made, without a handle. Throws `CcrError`: `not_found` for the run, `conflict` for an id that is taken. */
  create(input: { id: InstanceId; runId: RunId; driver: string }): Promise<Instance>;
  find(id: InstanceId): Promise<Instance | null>;
  /** Those that are not stopped, newest first; with `all`, the stopped too (at most 500). */
  list(options?: { all?: boolean }): Promise<Instance[]>;
  findHandle(id: InstanceId): Promise<SandboxHandle | null>;
  /** Throws `CcrError` with `not_found`, as does `setStatus`. */
  saveHandle(id: InstanceId, handle: SandboxHandle): Promise<void>;
  /** Setting the status it has already changes nothing; `stopped` is for ever. */
  setStatus(id: InstanceId, status: Instance["status"]): Promise<void>;
}

/** A message to append: ours, or one from an executor's spool, which is then known by its place there. */
export type NewMessage = Pick<Extract<Message, { source: "runner" }>, "source" | "body"> & { at?: string };

/** A spool event does not follow the last one that is stored: an event in between is missing. Nothing was written. */
export class SpoolGapError extends Error {
  override readonly name = "SpoolGapError";
}

export interface Transcript {
  /**
   * Appends our own messages, in order, as one commit; they are durable when the promise resolves. Throws `FenceLostError`.
   * Messages that are given back or followed are shared: they must not be changed.
   */
  append(runId: RunId, fence: number, messages: NewMessage[]): Promise<Message[]>;
  /**
   * Appends events of one sandbox's spool as one commit. Events that are stored already (by instance and spool seq) are left out; an
   * event beyond the next one is a `SpoolGapError`. Gives what was appended. Throws `FenceLostError`.
   */
  appendSpooled(runId: RunId, fence: number, spooled: { instanceId: InstanceId; events: SpoolEvent[] }): Promise<Message[]>;
  /** The spool seq up to which this sandbox's events are stored; 0 when none is. */
  spoolPosition(runId: RunId, instanceId: InstanceId): Promise<number>;
  /**
   * Messages with a greater `seq` than `after`, in order, at most `limit`, and at most about 16 MB of them, but one at least when there is
   * one: a page that is shorter than `limit` does not mean the end, an empty one does.
   */
  read(runId: RunId, range: { after: number; limit: number }): Promise<Message[]>;
  /**
   * All messages after `after`, then each new one, in order, without a gap or a double, also those that another process appends (within
   * about a second). Ends after the last message of a final run, or on the signal; throws `CcrError` with `not_found` for no such run and
   * `unavailable` when the store is closed. A follower that is slow holds one page and keeps nobody waiting.
   */
  follow(runId: RunId, range: { after: number }, signal: AbortSignal): AsyncIterable<Message>;
}

/** The requests that went, or wanted to go, through a run's door. */
export interface AuditStore {
  /** Appends as one commit. Records that are stored already (by run and `n`) are left out. Throws `CcrError` with `not_found` for no such run. */
  append(runId: RunId, records: AuditRecord[]): Promise<void>;
  read(runId: RunId, range: { after: number; limit: number; refusedOnly?: boolean }): Promise<AuditRecord[]>;
  /** The `n` up to which records are stored; 0 when none is. */
  position(runId: RunId): Promise<number>;
}

export interface Store extends AsyncDisposable {
  readonly tasks: TaskStore;
  readonly runs: RunStore;
  readonly instances: InstanceStore;
  readonly transcript: Transcript;
  readonly audit: AuditStore;
}
