import { type AllowRule, type BatchMember, DEFAULT_PERMISSION_MODE, noFigures, type RunId } from "@ccr/protocol";
import type { Selectable, Transaction } from "kysely";
import { toJson } from "./json.ts";
import { searchTextOf } from "./run-text.ts";
import type { Database, RunTable } from "./schema.ts";
import type { NewRun } from "./types.ts";

/** The columns of a run's part in a batch. */
export const memberColumns = (member: BatchMember | null) => ({
  batch_id: member?.id ?? null,
  batch_group: member?.group ?? null,
  batch_variant: member?.variant ?? null,
  batch_attempt: member?.attempt ?? null,
  batch_place: member?.place ?? null,
  batch_tries: member?.tries ?? null,
  batch_mark: member?.mark ?? null,
});

/** The columns of a run that nobody has worked on. */
export const untouched = (steps: NewRun["task"]["steps"]) => ({
  status: "queued" as const,
  reason: null,
  sentence: null,
  step_index: null,
  instance_id: null,
  driver: null,
  base_commit: null,
  head_commit: null,
  additional_state: null,
  usage: toJson({ costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 }, "The run"),
  cost_usd: 0,
  last_seq: 0,
  fence: 0,
  started_at: null,
  ended_at: null,
  owner: null,
  lease_beat: 0,
  active_ms: 0,
  progress: null,
  figures: toJson(noFigures(steps), "The run"),
  diff_size: null,
  branch: null,
  delivered: null,
  is_delivered: 0,
  is_followed: 0,
  prepared: null,
  questions: null,
  duration_ms: 0,
  is_dismissed: 0,
});

/** The repositories beside the first one, as they are stored. */
export const additionalColumn = ({ additionalRepositories = [] }: NewRun): string | null =>
  additionalRepositories.length === 0
    ? null
    : toJson(
        additionalRepositories.map(({ repository, ref, directory }) => ({ repository, ref, directory })),
        "The run",
      );

/** What stood for the parameters, as it is stored: the same for the same values, in whatever order they were given. */
export const parametersColumn = ({ parameters = {} }: Pick<NewRun, "parameters">): string | null => {
  const values = Object.entries(parameters).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return values.length === 0 ? null : toJson(Object.fromEntries(values), "The run");
};

/** What it may reach beyond what its server allows, as it is stored. */
export const allowedHostsColumn = (rules: readonly AllowRule[]): string | null =>
  rules.length === 0 ? null : toJson(rules, "The run");

/** The row of a run that waits for its turn. */
export const newRow = (
  input: NewRun,
  { id, at, member = null }: { id: RunId; at: string; member?: BatchMember | null },
): Selectable<RunTable> => ({
  ...untouched(input.task.steps),
  id,
  owner: input.home ?? null,
  task_id: input.task.id,
  task_name: input.task.name,
  task_version: input.taskVersion ?? null,
  parameters: parametersColumn(input),
  steps: toJson(input.task.steps, "The run"),
  repository: input.repository,
  ref: input.ref,
  directory: input.directory ?? null,
  additional: additionalColumn(input),
  model: input.model,
  permission_mode: input.permissionMode ?? DEFAULT_PERMISSION_MODE,
  asks: input.asks === true ? 1 : 0,
  limits: toJson(input.limits, "The run"),
  idempotency_key: input.idempotencyKey,
  created_at: at,
  priority: input.priority,
  allow_no_changes: input.task.allowNoChanges ? 1 : 0,
  environment: input.environment == null ? null : toJson(input.environment, "The run"),
  environment_id: input.environment?.id ?? null,
  allowed_hosts: allowedHostsColumn(input.allowedHosts ?? []),
  network: input.network ?? "none",
  network_by: input.networkBy ?? null,
  delivery: input.delivery === null ? null : toJson(input.delivery, "The run"),
  continues: input.continues?.runId ?? null,
  continuation: input.continues === null ? null : toJson(input.continues, "The run"),
  ...memberColumns(member),
});

/** Inserts rows of runs, with what they are found by; a row whose idempotency key is taken is left out. Gives those that were inserted. */
export const insertRuns = async (
  trx: Transaction<Database>,
  rows: readonly Selectable<RunTable>[],
): Promise<Selectable<RunTable>[]> => {
  const stored = await trx
    .insertInto("runs")
    .values(rows)
    .onConflict((conflict) => conflict.columns(["task_id", "idempotency_key"]).doNothing())
    .returningAll()
    .execute();
  if (stored.length > 0) await trx.insertInto("run_texts").values(stored.map(searchTextOf)).execute();
  return stored;
};
