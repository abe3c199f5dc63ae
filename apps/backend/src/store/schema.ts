import type {
  AuditRecord,
  BatchId,
  BatchMark,
  BatchState,
  EnvironmentId,
  InputId,
  Instance,
  InstanceId,
  Message,
  NetworkPreset,
  PermissionMode,
  Run,
  RunId,
  RunInput,
  ServerId,
  TaskId,
} from "@ccr/protocol";

/**
 * The tables as Kysely sees them, the same on every engine. Only what every engine has: text, integers that fit 31 bits, doubles, moments as
 * ISO text, and JSON as text, so that what came is what is kept, byte for byte.
 */
export interface Database {
  tasks: TaskTable;
  task_versions: TaskVersionTable;
  batches: BatchTable;
  runs: RunTable;
  instances: InstanceTable;
  run_texts: RunTextTable;
  messages: MessageTable;
  diffs: DiffTable;
  audit_records: AuditTable;
  pulse: PulseTable;
  identity: IdentityTable;
  environments: EnvironmentTable;
  default_environments: DefaultEnvironmentTable;
  run_inputs: RunInputTable;
  budgets: BudgetTable;
  spending: SpendingTable;
}

export interface TaskTable {
  id: TaskId;
  name: string;
  /** JSON of `Step[]`. */
  steps: string;
  created_at: string;
  updated_at: string;
  /** 0 or 1. */
  allow_no_changes: number;
  environment_id: EnvironmentId | null;
  /** JSON of `DeliverySettings`; null: nowhere. */
  delivery: string | null;
  /** 0 or 1: made for one run, and not among the tasks. */
  is_quick: number;
  /** The idempotency key of the launch that made it. */
  quick_key: string | null;
  version: number;
  /** JSON of `TaskParameter[]`; null: none. */
  parameters: string | null;
  /** JSON of `TaskDefaults`; null: none. */
  defaults: string | null;
}

/** What tasks were before they were saved again. */
export interface TaskVersionTable {
  task_id: TaskId;
  version: number;
  /** When it was saved itself. */
  saved_at: string;
  /** Length of `content` in UTF-16 code units, by which it is decided how many are kept. */
  content_length: number;
  /** JSON of `TaskContent`. */
  content: string;
}

export interface BatchTable {
  id: BatchId;
  /** No foreign key: a batch outlives its task. */
  task_id: TaskId;
  task_name: string;
  name: string;
  state: BatchState;
  max_concurrent: number | null;
  attempts: number;
  group_count: number;
  /** How many runs it has had, replaced ones not counted. */
  run_count: number;
  idempotency_key: string | null;
  created_at: string;
  /** JSON of `BatchVariant[]`. */
  variants: string;
  /** JSON of `NewBatch["request"]`. */
  request: string;
}

export interface RunTable {
  id: RunId;
  /** No foreign key: a run outlives its task. */
  task_id: TaskId;
  task_name: string;
  /** null: it goes on from another run, or it is of the time before there were versions. */
  task_version: number | null;
  /** JSON of `Step[]`, copied from the task, with the values of its parameters put in. */
  steps: string;
  /** JSON of `ParameterValues`; null: none. */
  parameters: string | null;
  repository: string;
  ref: string | null;
  /** Its folder; null: it is the only one, and in the workspace itself. */
  directory: string | null;
  /** JSON of `NewRun["additionalRepositories"]`; null: none. */
  additional: string | null;
  /** JSON of what became of these, in their order: see `additionalState`. null: nothing yet. */
  additional_state: string | null;
  model: string | null;
  /** JSON of `RunLimits`. */
  limits: string;
  status: Run["status"];
  reason: Run["reason"];
  sentence: string | null;
  step_index: number | null;
  instance_id: InstanceId | null;
  driver: string | null;
  base_commit: string | null;
  head_commit: string | null;
  /** JSON of `RunUsage`. */
  usage: string;
  /** The greatest `seq` of the run's messages; kept here so that an append costs the same however long the transcript is. */
  last_seq: number;
  /** Raised by each claim: who writes with an older number is locked out. */
  fence: number;
  idempotency_key: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  priority: number;
  /** Who drives the run; null: nobody, or somebody who gave it up. Of a queued one, who alone may claim it; null: anybody. */
  owner: ServerId | null;
  /** Raised by each renewal of the claim. */
  lease_beat: number;
  /** How long the run was worked on, in whole milliseconds. The longest that a run may take fits many times. */
  active_ms: number;
  /** JSON of `Progress`. */
  progress: string | null;
  /** 0 or 1, copied from the task. */
  allow_no_changes: number;
  /** JSON of `DeliverySettings`; null: nowhere. */
  delivery: string | null;
  /** Where the result was, or is to be, pushed to. */
  branch: string | null;
  /** JSON of `Delivered`. */
  delivered: string | null;
  /** 0 or 1: whether all that was to be delivered is. */
  is_delivered: number;
  /** 0 or 1: `isFollowed` of the former, by which it is found. */
  is_followed: number;
  /** The run that it goes on from. */
  continues: RunId | null;
  /** JSON of `Continuation`. */
  continuation: string | null;
  /** These are set together, or all null: see `BatchMember`. */
  batch_id: BatchId | null;
  batch_group: number | null;
  batch_variant: string | null;
  batch_attempt: number | null;
  batch_place: number | null;
  batch_tries: number | null;
  batch_mark: BatchMark | null;
  /** JSON of `StepFigures[]`; null for a run of the time before there were any, as with the next one. */
  figures: string | null;
  /** JSON of `DiffSize`, of the diff that was saved last; null: none was. */
  diff_size: string | null;
  /** What `usage` says, to be added up. */
  cost_usd: number;
  /** JSON of `RunEnvironment`, copied from the environment. */
  environment: string | null;
  /** The former's id, by which it is found. */
  environment_id: EnvironmentId | null;
  /** JSON of `Prepared`. */
  prepared: string | null;
  /** By which runs are sorted: of one that has ended how long it took, of another how long it was worked on when that was last told. */
  duration_ms: number;
  /** 0 or 1: somebody has seen to it that it ended badly. */
  is_dismissed: number;
  permission_mode: PermissionMode;
  /** 0 or 1. */
  asks: number;
  /** JSON of `Question[]`; null: none is open. */
  questions: string | null;
  /** JSON of `AllowRule[]`; null: nothing beyond what the server allows. */
  allowed_hosts: string | null;
  network: NetworkPreset;
  network_by: Run["networkBy"];
}

export interface RunInputTable {
  id: InputId;
  run_id: RunId;
  /** JSON of `InputBody`. */
  body: string;
  state: RunInput["state"];
  revision: number;
  created_at: string;
  idempotency_key: string | null;
}

/** What a run is found by: see `searchTextOf`. */
export interface RunTextTable {
  run_id: RunId;
  ending: string;
  text: string;
}

export interface InstanceTable {
  id: InstanceId;
  run_id: RunId;
  driver: string;
  status: Instance["status"];
  /** JSON of `SandboxHandle`. */
  handle: string | null;
  created_at: string;
  /** Set with the status `stopped`, and null with every other. */
  stopped_at: string | null;
  /** `srv_0000000000`, which is nobody, for an instance of the time before servers had names. */
  server: ServerId;
  /** JSON of `InstancePlace`. */
  place: string;
}

export interface MessageTable {
  run_id: RunId;
  seq: number;
  at: string;
  source: Message["source"];
  /**
   * Where the message was numbered before it came here, and its number there: an instance's spool, or `fence:7` for what the holder of
   * that fencing number said itself. Both null for what was written with a change of the status, which happens once anyhow.
   */
  origin: InstanceId | `fence:${number}` | null;
  origin_seq: number | null;
  /** Length of `body` in UTF-16 code units. It stands before the body so that a page can be measured without reading bodies. */
  body_length: number;
  body: string;
}

export interface DiffTable {
  run_id: RunId;
  /** JSON of `WorkspaceDiff`. */
  diff: string;
}

export interface AuditTable {
  run_id: RunId;
  n: number;
  decision: AuditRecord["decision"];
  /** JSON of `AuditRecord`. */
  record: string;
}

export interface EnvironmentTable {
  id: EnvironmentId;
  name: string;
  created_at: string;
  updated_at: string;
  generation: number;
  /** JSON of names; the values are nowhere in the database. */
  secret_names: string;
  /** JSON of image, set-up, variables, and what agents may reach. */
  definition: string;
  /** Raised by each save of these. */
  version: number;
}

export interface DefaultEnvironmentTable {
  /** See `repositoryKey`. */
  repository: string;
  environment_id: EnvironmentId;
}

/** One row, made with the table. */
export interface IdentityTable {
  database_id: string;
}

/** One row, or none as long as nobody has set anything. */
export interface BudgetTable {
  id: 1;
  /** null: no ceiling. */
  day_usd: number | null;
  zone: string;
}

/** What a run has cost more, and when that became known; together what stands with the run. */
export interface SpendingTable {
  run_id: RunId;
  at: string;
  cost_usd: number;
}

export interface PulseTable {
  id: 1;
  at: string;
}
