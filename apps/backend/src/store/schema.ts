import type { AuditRecord, Instance, InstanceId, Message, Run, RunId, TaskId } from "@ccr/protocol";

/**
 * The tables as Kysely sees them, the same on every engine. Only what every engine has: text, integers that fit 31 bits, moments as ISO
 * text, and JSON as text, so that what came is what is kept, byte for byte.
 */
export interface Database {
  tasks: TaskTable;
  runs: RunTable;
  instances: InstanceTable;
  messages: MessageTable;
  diffs: DiffTable;
  audit_records: AuditTable;
}

export interface TaskTable {
  id: TaskId;
  name: string;
  /** JSON of `Step[]`. */
  steps: string;
  created_at: string;
  updated_at: string;
}

export interface RunTable {
  id: RunId;
  /** No foreign key: a run outlives its task. */
  task_id: TaskId;
  task_name: string;
  /** JSON of `Step[]`, copied from the task. */
  steps: string;
  repository: string;
  ref: string | null;
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
}

export interface InstanceTable {
  id: InstanceId;
  run_id: RunId;
  driver: string;
  status: Instance["status"];
  /** JSON of `SandboxHandle`. */
  handle: string | null;
  created_at: string;
  stopped_at: string | null;
}

export interface MessageTable {
  run_id: RunId;
  seq: number;
  at: string;
  source: Message["source"];
  /** Where the message was spooled; both null for our own. */
  instance_id: InstanceId | null;
  spool_seq: number | null;
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
