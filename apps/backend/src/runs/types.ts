import type {
  AuditRecord,
  CreateRunInput,
  FollowUpInput,
  Instance,
  InstanceId,
  ListRunsInput,
  Message,
  PushRunInput,
  Run,
  RunId,
  RunView,
  WorkspaceDiff,
} from "@ccr/protocol";
import type { TranscriptFormat } from "./transcript-files/download.ts";

/** What the API may ask of the run engine. Every method throws `CcrError` with `not_found` for an id that is not there. */
export interface Runs {
  create(input: CreateRunInput): Promise<Run>;
  get(id: RunId): Promise<RunView>;
  list(input: ListRunsInput): Promise<RunView[]>;
  /** Throws `CcrError` with `conflict` for a run that is not queued any more. */
  setPriority(id: RunId, priority: number): Promise<RunView>;
  /** The person's wish; a run that is final already stays as it is. Resolves as soon as the wish is stored. */
  cancel(id: RunId): Promise<Run>;
  messages(id: RunId, range: { after: number; limit: number }): Promise<Message[]>;
  /** See `Transcript.follow`. */
  follow(id: RunId, range: { after: number }, signal: AbortSignal): AsyncIterable<Message>;
  /** Asked of the sandbox while it runs; the last copy of it when it cannot be asked, and afterwards. */
  diff(id: RunId): Promise<WorkspaceDiff>;
  requests(id: RunId, range: { after: number; limit: number; refusedOnly: boolean }): Promise<AuditRecord[]>;
}

export interface Instances {
  get(id: InstanceId): Promise<Instance>;
  list(): Promise<Instance[]>;
  /** Cancels the run that uses the sandbox, and removes the sandbox. Idempotent. */
  remove(id: InstanceId): Promise<Instance>;
}

export interface Results {
  /**
   * Pushes what is kept of a run that has ended, and opens its pull request if that is wanted: once more, or for the first time. What went wrong
   * stands in the run's `delivered`. Idempotent. Throws `CcrError` with `conflict` for a run that has not ended.
   */
  push(input: PushRunInput): Promise<RunView>;
  /**
   * Launches a run that goes on from one that has ended: on the branch that it was pushed to, in its conversation. Throws `CcrError` with `conflict`
   * for one that has not ended, or that is on no branch.
   */
  followUp(input: FollowUpInput): Promise<Run>;
}

/** Bytes to be read once; disposed of when they were read, or nobody wants them. */
export interface Download extends AsyncDisposable {
  /** null: not known before. */
  bytes: number | null;
  chunks: AsyncIterable<Uint8Array>;
}

/** What can be downloaded of a run; null: nothing is kept yet. Throws `CcrError` with `not_found` where it is to be had elsewhere. */
export interface Downloads {
  /** Of all repositories, each file by its path in the workspace; or of the one in this folder, by its paths there. */
  patch(runId: RunId, directory: string | null, signal: AbortSignal): Promise<Download | null>;
  /** Of the repository in this folder. Throws `CcrError` with `bad_request` when none is named, and there are several. */
  bundle(runId: RunId, directory: string | null, signal: AbortSignal): Promise<Download | null>;
  conversation(runId: RunId, signal: AbortSignal): Promise<Download | null>;
  /** `name`: see `CheckOutputName`. */
  checkOutput(runId: RunId, name: string): Promise<Download | null>;
  /** All messages so far. */
  transcript(runId: RunId, format: TranscriptFormat, signal: AbortSignal): Promise<Download | null>;
}
