import type {
  AdditionalRepository,
  AllowRule,
  AuditRecord,
  Continuation,
  CreateTaskInput,
  Delivered,
  DeliverySettings,
  InputBody,
  InputId,
  InstanceId,
  ListRunsInput,
  Message,
  NetworkPreset,
  ParameterValues,
  PermissionMode,
  Run,
  RunEnvironment,
  RunId,
  RunInput,
  RunLimits,
  RunStatus,
  ServerId,
  SpoolEvent,
  StepFigures,
  Task,
  TaskId,
  TaskVersion,
  UpdateTaskInput,
  WorkspaceDiff,
} from "@ccr/protocol";
import type { AllowedHostStore } from "./allowed-host-types.ts";
import type { BatchStore } from "./batch-types.ts";
import type { BudgetStore } from "./budget-types.ts";
import type { EnvironmentStore, Prepared } from "./environment-types.ts";
import type { InstanceStore } from "./instance-types.ts";
import type { AttentionStore, QuickRuns, RunListing } from "./listing-types.ts";
import type { Progress } from "./progress-types.ts";
import type { RunChanges, RunOverview, Upkeep } from "./upkeep-types.ts";

export interface TaskStore {
  create(input: CreateTaskInput): Promise<Task>;
  find(id: TaskId): Promise<Task | null>;
  /** Every task, the newest first; those that were made for one run are left out. */
  list(): Promise<Task[]>;
  /**
   * Makes the next version of it, and keeps the one before; one that changes nothing makes none. null: no such task. Throws `CcrError` with `conflict`
   * when it is not at the version that is expected. One that was made for a run is then among the tasks, as any other.
   */
  update(input: UpdateTaskInput): Promise<Task | null>;
  /** Whether there was such a task. Runs of it stay: they hold copies. Its earlier versions go with it. */
  delete(id: TaskId): Promise<boolean>;
  /** Every task with its last runs, the newest first. */
  overview(): Promise<{ task: Task; lastRuns: LastRun[] }[]>;
  /** The versions that are kept, the newest first, which is the one that it has; null: no such task. */
  listVersions(id: TaskId): Promise<TaskVersion[] | null>;
  /** null: it is not kept, or there is no such task. */
  findVersion(id: TaskId, version: number): Promise<TaskVersion | null>;
}

/** A task that is made for one run. */
export type NewQuickTask = CreateTaskInput;
/** A run, as far as the list of tasks tells of it. */
export type LastRun = Pick<Run, "id" | "status" | "reason" | "createdAt"> & { isDelivered: boolean; costUsd: number };

export type NewRun = {
  /** The steps are those of the run: what its parameters stand for is put in. */
  task: Pick<Task, "id" | "name" | "steps" | "allowNoChanges">;
  /** null, as when it is left out: of none. */
  taskVersion?: number | null;
  /** What was put in; nothing when it is left out. */
  parameters?: ParameterValues;
  repository: string;
  ref: string | null;
  /** null, as when it is left out: the workspace itself, since there is no other repository. */
  directory?: string | null;
  /** The repositories beside it; none when left out. */
  additionalRepositories?: readonly Pick<AdditionalRepository, "repository" | "ref" | "directory">[];
  model: string | null;
  limits: RunLimits;
  priority: number;
  /** null: nowhere. */
  delivery: DeliverySettings | null;
  /** null: it begins anew. */
  continues: Continuation | null;
  /** The server that alone may claim it; null, as when it is left out: any may. */
  home?: ServerId | null;
  idempotencyKey: string | null;
  /** null, as when it is left out: none. */
  environment?: RunEnvironment | null;
  /** What people let it reach beyond what its server and its environment do; nothing when it is left out. */
  allowedHosts?: readonly AllowRule[];
  /** Nothing of its own, and said by nobody, when they are left out. */
  network?: NetworkPreset;
  networkBy?: Run["networkBy"];
  /** Left out: everything. */
  permissionMode?: PermissionMode;
  /** Whether its agent may ask a person; left out: no. */
  asks?: boolean;
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
    | "additionalRepositories"
    | "model"
    | "permissionMode"
    | "questions"
  >
> & {
  deliveries?: Deliveries;
  progress?: Progress;
  figures?: StepFigures[];
  activeMs?: number;
  prepared?: Prepared;
  /** `InputChangedError` when one of them cannot be made. */
  inputs?: InputMove[];
};

/** What becomes of something that was said, when it is still what it was seen to be: queued, and with this revision. */
export type InputMove = Pick<RunInput, "id" | "revision"> & { to: Exclude<RunInput["state"], "queued"> };

/** What was said was changed or taken back since it was read, so that nothing was written. */
export class InputChangedError extends Error {
  override readonly name = "InputChangedError";
}

/** What people say to runs. */
export interface InputStore {
  /**
   * Keeps what is said to a run that has not ended; null when it has. With an idempotency key that this run has seen already, gives what was said then;
   * null when that came too late. `also` is said behind it, in the same commit, and once. Throws `CcrError` with `not_found`, and `conflict` when those
   * were other words, or were taken back.
   */
  add(runId: RunId, body: InputBody, idempotencyKey: string | null, also?: readonly InputBody[]): Promise<RunInput | null>;
  /** Changes the text of a prompt that is queued and has this revision; null when it has not. */
  edit(runId: RunId, change: { id: InputId; revision: number; text: string }): Promise<RunInput | null>;
  /** Takes back a prompt that is queued; null when it is not. */
  withdraw(runId: RunId, id: InputId): Promise<RunInput | null>;
  /** Everything that is queued, in the order in which it was said. */
  listQueued(runId: RunId): Promise<RunInput[]>;
  /** What was said last, the newest first, at most `limit`. */
  list(runId: RunId, limit: number): Promise<RunInput[]>;
  /** Calls `changed` soon after something was said to the run, in any process, and once at the beginning. The result ends it. `changed` must not throw. */
  listen(runId: RunId, changed: () => void): () => void;
}

/** Who claims, and how many runs may go on at once of one repository and of one task, over all servers; null: as many as like. */
export type Claimer = { owner: ServerId; perRepository: number | null; perTask: number | null };

/** The right to drive a run. `activeMs` is how long it has been worked on, and `figures` what came of it, as far as was told. */
export type Claim = {
  run: Run;
  fence: number;
  progress: Progress | null;
  figures: StepFigures[];
  activeMs: number;
  prepared: Prepared | null;
};

/**
 * A claim is a lease: who drives a run renews it, which raises `beat`. Nobody compares clocks: whoever sees the same fence and beat for as
 * long as a lease lasts, by a clock of its own that nobody sets, knows that the driver is gone. `owner` is null when it gave the run up.
 */
export type Lease = { id: RunId; status: RunStatus; owner: ServerId | null; fence: number; beat: number };

/**
 * The one who writes may not any more, and nothing was written: the run has another fencing number, so that somebody else drives it now, or
 * it is final. Every method that takes a fencing number throws `CcrError` with `not_found` for a run that is not there.
 */
export class FenceLostError extends Error {
  override readonly name = "FenceLostError";
}

export interface RunStore {
  /**
   * With an idempotency key that this task has seen already, gives the run of then, and `created: false`; throws `CcrError` with `conflict`
   * when that run has another repository, ref, folder, repository beside it, model, delivery, environment, network, or other parameters or limits.
   */
  create(input: NewRun): Promise<{ run: Run; created: boolean }>;
  find(id: RunId): Promise<Run | null>;
  /** The newest first; runs of one millisecond in the order of their ids. Throws `CcrError` with `not_found` when `before` is no run. */
  list(input: ListRunsInput): Promise<Run[]>;
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
  /** Changes the priority of a run that is queued; gives null when it is not, or not there. */
  setPriority(id: RunId, priority: number): Promise<Run | null>;
  /** Keeps the last diff that was saved. Throws `FenceLostError`. */
  saveDiff(id: RunId, fence: number, diff: WorkspaceDiff): Promise<void>;
  findDiff(id: RunId): Promise<WorkspaceDiff | null>;
}

/** How far the deliveries of a run's repositories are. */
export type Deliveries = Pick<Run, "delivered" | "additionalRepositories">;

/** What became of the results of runs; while a run goes on, that is a part of its patches. */
export interface DeliveryStore {
  /** Keeps how far the deliveries of a run that has ended are. null: it has not ended, or is not there. */
  save(id: RunId, deliveries: Deliveries): Promise<Run | null>;
  /** What was delivered, or was to be, to a branch of a repository: of the newest run first, at most 100. */
  list(to: { repository: string; branch: string }): Promise<Delivered[]>;
  /** Runs that have ended and whose pull requests are looked after, the oldest first. */
  listFollowed(): Promise<Run[]>;
  /** The runs that go on from this one, the oldest first. */
  listContinuing(id: RunId): Promise<Run[]>;
}

/** A queued run's place; `home` alone may claim it, null: any server; `heldBy` says which limit, if any, keeps it from being claimed now. */
export type QueuedRun = {
  id: RunId;
  position: number;
  home: ServerId | null;
  heldBy: "repository" | "task" | "batch" | "paused" | null;
};

/** The queue, and the leases of those who drive runs. */
export interface Queue {
  /**
   * Takes the queued run that is first by priority and age among those that no limit, of the claimer or of its batch, and no paused batch holds
   * back: sets it to `starting` and raises its fencing number, in one transaction, so that two callers, also of two servers, never get the same
   * run nor exceed a limit. Takes none while the day's budget is used up.
   */
  claimNext(claimer: Claimer): Promise<Claim | null>;
  /** Every queued run in the order in which they are claimed, as far as limits let them. */
  queued(limits: Pick<Claimer, "perRepository" | "perTask">): Promise<QueuedRun[]>;
  /** The lease of every run that is neither queued nor final. */
  leases(): Promise<Lease[]>;
  /**
   * Raises the fencing number of an unfinished run that still has the lease that was seen, so that whoever drove it before is locked out,
   * and becomes its owner. null: it was renewed, moved or ended since.
   */
  takeOver(seen: Lease, owner: ServerId): Promise<Claim | null>;
  /** Renews a lease, and keeps how long the run was worked on. Gives the run as it is now. Throws `FenceLostError`. */
  renew(id: RunId, fence: number, activeMs: number): Promise<Run>;
  /** Gives a run up: anybody may take it over at once. Does nothing when the fencing number is lost. */
  release(id: RunId, fence: number): Promise<void>;
}

/** A message to append: ours, or one from an executor's spool, which is then known by its place there. */
export type NewMessage = Pick<Extract<Message, { source: "runner" }>, "source" | "body"> & { at?: string };

/**
 * Messages of our own. `first` is the number of the first of them among all that this fencing number appends, counted from 1. The patch is written in
 * the same commit.
 */
export type OwnMessages = { first: number; messages: NewMessage[]; patch?: RunPatch };

/** A spool event, or a message of our own, does not follow the last one that is stored: one in between is missing. Nothing was written. */
export class SpoolGapError extends Error {
  override readonly name = "SpoolGapError";
}

export interface Transcript {
  /**
   * Appends our own messages, in order, as one commit; they are durable when the promise resolves. Messages that are stored already (by fence
   * and number) are left out, and with all of them the patch, so a caller who does not know whether its last try was stored asks again, with
   * the same. Gives what was appended. Throws `FenceLostError`, `SpoolGapError`, and `CcrError` with `conflict` when a number is taken by
   * another message. Messages that are given back or followed are shared: they must not be changed.
   */
  append(runId: RunId, fence: number, own: OwnMessages): Promise<Message[]>;
  /**
   * Appends events of one sandbox's spool as one commit. Events that are stored already (by instance and spool seq) are left out; an
   * event beyond the next one is a `SpoolGapError`. The patch is written in the same commit. Gives what was appended. Throws `FenceLostError`.
   */
  appendSpooled(
    runId: RunId,
    fence: number,
    spooled: { instanceId: InstanceId; events: SpoolEvent[]; patch?: RunPatch },
  ): Promise<Message[]>;
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
  /** Appends as one commit. Records that are stored already (by run and `n`) are left out. Throws `FenceLostError`. */
  append(runId: RunId, fence: number, records: AuditRecord[]): Promise<void>;
  read(runId: RunId, range: { after: number; limit: number; refusedOnly?: boolean }): Promise<AuditRecord[]>;
  /** The refused ones, the newest first. */
  newestRefused(runId: RunId, limit: number): Promise<AuditRecord[]>;
  /** The `n` up to which records are stored; 0 when none is. */
  position(runId: RunId): Promise<number>;
}

export interface Store extends AsyncDisposable {
  readonly tasks: TaskStore;
  readonly environments: EnvironmentStore;
  readonly runs: RunStore;
  readonly listing: RunListing;
  readonly attention: AttentionStore;
  readonly quick: QuickRuns;
  readonly batches: BatchStore;
  readonly queue: Queue;
  readonly budgets: BudgetStore;
  readonly deliveries: DeliveryStore;
  readonly instances: InstanceStore;
  readonly inputs: InputStore;
  readonly allowedHosts: AllowedHostStore;
  readonly transcript: Transcript;
  readonly audit: AuditStore;
  readonly changes: RunChanges;
  readonly upkeep: Upkeep;
  readonly overview: RunOverview;
}
