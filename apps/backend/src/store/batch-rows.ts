import type { BatchRow, ListBatchRunsInput, StepFigures } from "@ccr/protocol";
import type { Kysely } from "kysely";
import type { BatchStore } from "./batch-types.ts";
import { fromJson } from "./json.ts";
import { toDeliveries } from "./rows.ts";
import type { Database, RunTable } from "./schema.ts";

/** What a row of the table is made of: nothing that grows with what a run has said or changed. */
const COLUMNS = [
  "id",
  "status",
  "reason",
  "sentence",
  "delivered",
  "additional",
  "additional_state",
  "repository",
  "ref",
  "batch_place",
  "batch_group",
  "batch_variant",
  "batch_attempt",
  "batch_tries",
  "batch_mark",
  "figures",
  "diff_size",
  "cost_usd",
  "created_at",
  "started_at",
  "ended_at",
] as const satisfies (keyof RunTable)[];

const sum = (steps: readonly StepFigures[], what: keyof StepFigures): number =>
  steps.reduce((total, step) => total + step[what], 0);

/** See `BatchStore.rows`. */
export const readRows = async (
  db: Kysely<Database>,
  { id, group, after, limit }: ListBatchRunsInput,
): Promise<Awaited<ReturnType<BatchStore["rows"]>>> => {
  const rows = await db
    .selectFrom("runs")
    .select(COLUMNS)
    .where("batch_id", "=", id)
    .where("batch_place", ">", after)
    .where((eb) => eb.or([eb("batch_mark", "is", null), eb("batch_mark", "!=", "replaced")]))
    .$if(group !== undefined, (query) => query.where("batch_group", "=", group ?? null))
    .orderBy("batch_place")
    .orderBy("batch_tries")
    .limit(limit)
    .execute();
  return rows.map((row) => {
    const steps = row.figures === null ? [] : fromJson<StepFigures[]>(row.figures);
    return {
      runId: row.id,
      place: row.batch_place ?? 1,
      group: row.batch_group ?? 1,
      repository: row.repository,
      ref: row.ref,
      variant: row.batch_variant ?? "",
      attempt: row.batch_attempt ?? 1,
      tries: row.batch_tries ?? 1,
      mark: row.batch_mark,
      status: row.status,
      reason: row.reason,
      sentence: row.sentence,
      ...toDeliveries(row),
      checks: { passed: sum(steps, "passed"), total: sum(steps, "total") },
      attemptsUsed: sum(steps, "attempts"),
      costUsd: row.cost_usd,
      createdAt: row.created_at,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      diff: row.diff_size === null ? null : fromJson<BatchRow["diff"]>(row.diff_size),
    };
  });
};
