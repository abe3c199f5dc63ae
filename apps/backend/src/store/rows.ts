import {
  type AdditionalRepository,
  type AgentBody,
  type Batch,
  type BatchMember,
  type Continuation,
  type Instance,
  type Message,
  NO_DEFAULTS,
  NO_NETWORK,
  noFigures,
  type Run,
  type RunEnvironment,
  RunLimits,
  type RunnerBody,
  type Task,
  type TaskContent,
  type TaskDefaults,
} from "@ccr/protocol";
import type { Selectable } from "kysely";
import type { Prepared } from "./environment-types.ts";
import { fromJson } from "./json.ts";
import type { Progress } from "./progress-types.ts";
import type { BatchTable, InstanceTable, MessageTable, RunTable, TaskTable } from "./schema.ts";
import type { Claim } from "./types.ts";

type NamedRepository = Pick<AdditionalRepository, "repository" | "ref" | "directory">;
/** What becomes of a repository beside the first one, as it is stored. */
export type AdditionalState = Omit<AdditionalRepository, keyof NamedRepository>;

const DEFAULT_LIMITS = RunLimits.parse({});
// One of the time before there were runs of several repositories, or before runs could go on from kept work, does not say so.
const PLAIN_CONTINUATION = { lastComments: {}, fromKept: [] };

/** Defaults that are newer than what was stored are as in a new task. */
const toDefaults = (stored: TaskDefaults): TaskDefaults => ({ ...NO_DEFAULTS, ...stored });

/** A version of a task, as it is stored. */
export const toTaskContent = (stored: string): TaskContent => {
  const content = fromJson<TaskContent>(stored);
  return { ...content, defaults: toDefaults(content.defaults) };
};

export const toTask = (row: Selectable<TaskTable>): Task => ({
  id: row.id,
  name: row.name,
  steps: fromJson(row.steps),
  allowNoChanges: row.allow_no_changes !== 0,
  delivery: row.delivery === null ? null : fromJson(row.delivery),
  environmentId: row.environment_id,
  ...(row.is_quick === 0 ? {} : { isQuick: true }),
  parameters: row.parameters === null ? [] : fromJson(row.parameters),
  defaults: row.defaults === null ? NO_DEFAULTS : toDefaults(fromJson(row.defaults)),
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** The columns that hold a run's part in a batch are set together. */
const toMember = (row: Selectable<RunTable>): BatchMember | null =>
  row.batch_id === null
    ? null
    : {
        id: row.batch_id,
        group: row.batch_group ?? 1,
        variant: row.batch_variant ?? "",
        attempt: row.batch_attempt ?? 1,
        place: row.batch_place ?? 1,
        tries: row.batch_tries ?? 1,
        mark: row.batch_mark,
      };

export const toBatch = (row: Selectable<BatchTable>): Batch => ({
  id: row.id,
  taskId: row.task_id,
  taskName: row.task_name,
  name: row.name,
  state: row.state,
  maxConcurrent: row.max_concurrent,
  attempts: row.attempts,
  variants: fromJson(row.variants),
  groups: row.group_count,
  createdAt: row.created_at,
});

const toAdditional = ({
  additional,
  additional_state: state,
}: Pick<Selectable<RunTable>, "additional" | "additional_state">): AdditionalRepository[] => {
  if (additional === null) return [];
  const known = state === null ? [] : fromJson<AdditionalState[]>(state);
  return fromJson<NamedRepository[]>(additional).map((named, index) => ({
    ...named,
    ...(known[index] ?? { baseCommit: null, headCommit: null, delivered: null }),
  }));
};

/** What stands in a run's row of its deliveries. */
export const toDeliveries = (
  row: Pick<Selectable<RunTable>, "delivered" | "additional" | "additional_state">,
): Pick<Run, "delivered" | "additionalRepositories"> => ({
  delivered: row.delivered === null ? null : fromJson(row.delivered),
  additionalRepositories: toAdditional(row),
});

export const toRun = (row: Selectable<RunTable>): Run => ({
  id: row.id,
  taskId: row.task_id,
  taskName: row.task_name,
  taskVersion: row.task_version,
  steps: fromJson(row.steps),
  parameters: row.parameters === null ? {} : fromJson(row.parameters),
  repository: row.repository,
  ref: row.ref,
  directory: row.directory,
  model: row.model,
  // A limit that is newer than the run has its default.
  limits: { ...DEFAULT_LIMITS, ...fromJson<RunLimits>(row.limits) },
  allowNoChanges: row.allow_no_changes !== 0,
  delivery: row.delivery === null ? null : fromJson(row.delivery),
  ...toDeliveries(row),
  continues: row.continuation === null ? null : { ...PLAIN_CONTINUATION, ...fromJson<Continuation>(row.continuation) },
  // One of the time before agents could reach anything of their own does not say so.
  environment: row.environment === null ? null : { ...NO_NETWORK, ...fromJson<RunEnvironment>(row.environment) },
  allowedHosts: row.allowed_hosts === null ? [] : fromJson(row.allowed_hosts),
  network: row.network,
  networkBy: row.network_by,
  permissionMode: row.permission_mode,
  asks: row.asks !== 0,
  questions: row.questions === null ? [] : fromJson(row.questions),
  priority: row.priority,
  status: row.status,
  reason: row.reason,
  sentence: row.sentence,
  stepIndex: row.step_index,
  instanceId: row.instance_id,
  driver: row.driver,
  baseCommit: row.base_commit,
  headCommit: row.head_commit,
  usage: fromJson(row.usage),
  lastSeq: row.last_seq,
  createdAt: row.created_at,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  batch: toMember(row),
});

export const toClaim = (row: Selectable<RunTable>): Claim => {
  const run = toRun(row);
  return {
    run,
    fence: row.fence,
    progress: row.progress === null ? null : fromJson<Progress>(row.progress),
    figures: row.figures === null ? noFigures(run.steps) : fromJson(row.figures),
    activeMs: row.active_ms,
    prepared: row.prepared === null ? null : fromJson<Prepared>(row.prepared),
  };
};

export const toInstance = (row: Omit<Selectable<InstanceTable>, "handle" | "server" | "place">): Instance => ({
  id: row.id,
  runId: row.run_id,
  driver: row.driver,
  status: row.status,
  createdAt: row.created_at,
  stoppedAt: row.stopped_at,
});

export const toMessage = (row: Pick<Selectable<MessageTable>, "run_id" | "seq" | "at" | "source" | "body">): Message => {
  const place = { runId: row.run_id, seq: row.seq, at: row.at };
  return row.source === "agent"
    ? { ...place, source: "agent", body: fromJson<AgentBody>(row.body) }
    : { ...place, source: "runner", body: fromJson<RunnerBody>(row.body) };
};
