import type {
  AllowHostInput,
  AnswerInput,
  AuditRecord,
  CanceledRun,
  CancelRunsInput,
  ConfigureInput,
  CreateRunInput,
  DismissRunsInput,
  DraftEvent,
  EditInputInput,
  FilePathsInput,
  FollowUpInput,
  FoundRepository,
  InputId,
  Instance,
  InstanceId,
  InstanceUsage,
  InstanceView,
  KnownRepository,
  ListedFolder,
  ListedPaths,
  ListedRun,
  ListFilesInput,
  ListInstancesInput,
  ListRunsInput,
  Message,
  OfShellInput,
  OpenShellInput,
  PageRunsInput,
  PushRunInput,
  RepositoryBranches,
  ResizeShellInput,
  RetriedRun,
  RetryRunInput,
  RetryRunsInput,
  Run,
  RunCounts,
  RunFilter,
  RunId,
  RunInput,
  RunPage,
  RunsOverview,
  RunView,
  SayInput,
  SayResult,
  SearchRepositoriesInput,
  SelectedRuns,
  SetUpEnvironmentInput,
  Shell,
  ShellEvent,
  ShellInputResult,
  StartRunInput,
  TypeIntoShellInput,
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

/** What people say of a run's network while it goes on. */
export interface Network {
  /**
   * Lets a run reach a host, from its next request on; resolves when that is stored, and is told in its transcript. Idempotent. Throws `CcrError`:
   * `not_found` for a run that is not there, `conflict` for one that has ended, or that has too many hosts already.
   */
  allowHost(input: AllowHostInput): Promise<RunView>;
}

/** Lists of runs. See `RunListing` and `AttentionStore` of the store. */
export interface Listing {
  page(input: PageRunsInput): Promise<RunPage>;
  counts(filter: Omit<RunFilter, "status">): Promise<RunCounts>;
  select(filter: RunFilter): Promise<SelectedRuns>;
  /** Those that are still there, in no order. */
  some(ids: readonly RunId[]): Promise<ListedRun[]>;
  overview(): Promise<RunsOverview>;
  /** How many runs that ended badly there were among them. */
  dismiss(input: DismissRunsInput): Promise<number>;
}

/** Launches beside those of a task, and what is done with many runs at once. */
export interface Launches {
  /** See `StartRunInput`. The same key always gives the same run, and is a `conflict` with anything else. */
  start(input: StartRunInput): Promise<Run>;
  /**
   * See `SetUpEnvironmentInput`. Throws `CcrError`: `not_found` when there is no such environment, `unprocessable` when it has nothing to set up, or cannot
   * be had on this server.
   */
  setUp(input: SetUpEnvironmentInput): Promise<Run>;
  /** See `RetryRunInput`. Throws `CcrError` with `conflict` for a run that has not ended. The old run wants nobody's attention any more. */
  retry(input: RetryRunInput): Promise<Run>;
  /** Each by itself: what is refused for one is told of it alone. */
  retryMany(input: RetryRunsInput): Promise<RetriedRun[]>;
  /** As `Runs.cancel`, each by itself. */
  cancelMany(input: CancelRunsInput): Promise<CanceledRun[]>;
}

export interface Instances {
  get(id: InstanceId): Promise<Instance>;
  /** Throws `CcrError` with `not_found` when `before` is no instance. */
  list(input: ListInstancesInput): Promise<InstanceView[]>;
  /** What each sandbox uses that there is now. */
  usage(): Promise<InstanceUsage[]>;
  /** Cancels the run that uses the sandbox, and removes the sandbox. Idempotent. */
  remove(id: InstanceId): Promise<Instance>;
}

/** The repositories that a run may have. */
export interface Repositories {
  /** The repositories of an owner, as its host tells them. */
  search(input: SearchRepositoriesInput, signal: AbortSignal): Promise<FoundRepository[]>;
  /** Those of the newest runs, the last used first; then those that have an environment of their own. */
  recent(): Promise<KnownRepository[]>;
  /** Throws `CcrError`: `bad_request` for an address that is none, `unprocessable` when its host does not tell, and why, `timeout` when it is too slow. */
  branches(repository: string, signal: AbortSignal): Promise<RepositoryBranches>;
}

export interface Results {
  /**
   * Pushes what is kept of a run that has ended, and opens its pull request if that is wanted: once more, or for the first time. What went wrong
   * stands in the run's `delivered`. Idempotent. Throws `CcrError` with `conflict` for a run that has not ended.
   */
  push(input: PushRunInput): Promise<RunView>;
  /**
   * Launches a run that goes on from one that has ended, in its conversation: on the branch that it was pushed to, else with what is kept of its work.
   * Throws `CcrError` with `conflict` for one that has not ended, that never came to any work, or whose work is neither pushed nor kept any more.
   */
  followUp(input: FollowUpInput): Promise<Run>;
}

/**
 * What people may say to a run. It is kept before anybody is answered, and reaches the agent through whoever drives the run; where that cannot be any more, it
 * says so later by its state. Every method throws `CcrError` with `not_found` for a run that is not there, and `conflict` for what is too late.
 */
export interface Talk {
  /** Tells the agent something; of a run that has ended, another one goes on, as `Results.followUp` says. Idempotent with a key. */
  say(input: SayInput): Promise<SayResult>;
  /** All that was said to a run, in order; of very many the last. */
  list(id: RunId): Promise<RunInput[]>;
  /** Changes what was said and not told yet. */
  edit(input: EditInputInput): Promise<RunInput>;
  withdraw(input: { id: RunId; inputId: InputId }): Promise<RunInput>;
  /** Breaks off what the agent does. It is told what was said meanwhile, or waits to be told something. */
  interrupt(id: RunId): Promise<RunInput>;
  /** Answers a question of the agent. */
  answer(input: AnswerInput): Promise<RunInput>;
  /** Changes how the agent works, from now on. */
  configure(input: ConfigureInput): Promise<RunInput>;
  /** What the agent is writing, as it writes it; ends with its sandbox, and at once when that cannot be looked into from here. */
  draft(id: RunId, signal: AbortSignal): AsyncIterable<DraftEvent>;
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

/** Shells of people in the sandboxes of runs. Throws `CcrError` with `conflict` where there is no sandbox (yet, any more, or on this machine). */
export interface Shells {
  list(runId: RunId): Promise<Shell[]>;
  open(input: OpenShellInput): Promise<Shell>;
  /** Types what this writer has not typed yet. */
  type(input: TypeIntoShellInput): Promise<ShellInputResult>;
  resize(input: ResizeShellInput): Promise<Shell>;
  /** Ends a shell and all that was started in it; one that has ended already is forgotten. */
  close(input: OfShellInput): Promise<Shell>;
  /** The output after so many bytes, each byte once, to the end of the shell or of its sandbox. */
  follow(input: OfShellInput, range: { after: number }, signal: AbortSignal): AsyncIterable<ShellEvent>;
}

/** The files of runs: in the sandbox while there is one, and in what is kept of the work when there is none. */
export interface Files {
  list(input: ListFilesInput): Promise<ListedFolder>;
  /** Of all files at once, without those that git ignores. Throws `CcrError` as `list` does, and with `conflict` where git cannot read a repository any more. */
  paths(input: FilePathsInput): Promise<ListedPaths>;
  /** null: nothing is kept. */
  open(input: ListFilesInput, signal: AbortSignal): Promise<Download | null>;
}
