import { z } from "zod";
import { BudgetHold } from "./budgets.ts";
import { DiffSize } from "./figures.ts";
import { AuditRecord } from "./gateway.ts";
import { BatchId, EnvironmentId, RunId, TaskId, Timestamp } from "./ids.ts";
import { RunStatus } from "./outcome.ts";
import { RunView } from "./run.ts";
import { RUN_SORTS, RUN_TEXT_MAX } from "./run-sort.ts";

/** Which runs are meant: those for which all of it holds. */
export const RunFilter = z.object({
  taskId: TaskId.optional(),
  batchId: BatchId.optional(),
  /** The environment that they were launched with, as it was then. */
  environmentId: EnvironmentId.optional(),
  status: z.array(RunStatus).max(20).optional(),
  /** The first repository of a run, as it stands there. */
  repository: z.string().trim().min(1).max(2048).optional(),
  /** Words that stand, each somewhere, in the task's name, the instructions, the repositories, the run's id or the sentence of its end. */
  text: z.string().trim().max(RUN_TEXT_MAX, `the words are longer than ${RUN_TEXT_MAX} characters`).optional(),
  /** Launched then, or later. */
  since: Timestamp.optional(),
});
export type RunFilter = z.infer<typeof RunFilter>;

export const PageRunsInput = RunFilter.extend({
  sort: z.enum(RUN_SORTS).default("newest"),
  /** `next` of the page before, with the same filter and sort. */
  cursor: z.string().max(200).optional(),
  limit: z.number().int().min(1).max(200).default(50),
});
export type PageRunsInput = z.infer<typeof PageRunsInput>;

/** A run in a list; `diff` as it was saved last, null: nothing was yet. */
export const ListedRun = RunView.extend({ diff: DiffSize.nullable() });
export type ListedRun = z.infer<typeof ListedRun>;

/**
 * `next` goes on from here; null: there are no more. One look is bounded, so a page may be shorter than its limit, or empty, with more to come.
 */
export const RunPage = z.object({ runs: z.array(ListedRun), next: z.string().nullable() });
export type RunPage = z.infer<typeof RunPage>;

/** What the filter's own `status` says is not looked at. `isWhole` is false when there are more than were counted. */
export const RunCounts = z.object({
  statuses: z.partialRecord(RunStatus, z.number().int().nonnegative()),
  isWhole: z.boolean(),
});
export type RunCounts = z.infer<typeof RunCounts>;

/** So many runs are canceled, or launched again, by one call. */
export const BULK_RUNS_MAX = 1000;

/** The runs that a filter means, the newest first, at most `BULK_RUNS_MAX`; `isWhole` is false when there are more. */
export const SelectedRuns = z.object({
  runs: z.array(z.object({ id: RunId, status: RunStatus })),
  isWhole: z.boolean(),
});
export type SelectedRuns = z.infer<typeof SelectedRuns>;

const BulkIds = z
  .array(RunId)
  .min(1, "name at least one run")
  .max(BULK_RUNS_MAX, `at most ${BULK_RUNS_MAX.toLocaleString("en")} runs at once`);

export const SomeRunsInput = z.object({ ids: z.array(RunId).max(200) });
export const CancelRunsInput = z.object({ ids: BulkIds });
export type CancelRunsInput = z.infer<typeof CancelRunsInput>;

/** What came of each: `ended`: it had ended already, and stays as it is; `gone`: there is no such run any more. */
export const CanceledRun = z.object({ id: RunId, did: z.enum(["canceled", "ended", "gone"]), status: RunStatus.nullable() });
export type CanceledRun = z.infer<typeof CanceledRun>;

const IdempotencyKey = z.string().min(1).max(200);

/**
 * Launches once more what a run did: with its own steps, also when its task was changed or deleted since, its repositories, refs, model, limits,
 * delivery and priority, and its environment as it is today. It is a run of its own, also when the other one is of a batch.
 */
export const RetryRunInput = z.object({
  id: RunId,
  /** The same key for the same run always gives the same new run. */
  idempotencyKey: IdempotencyKey.optional(),
});
export type RetryRunInput = z.infer<typeof RetryRunInput>;

export const RetryRunsInput = z.object({ ids: BulkIds, idempotencyKey: IdempotencyKey.optional() });
export type RetryRunsInput = z.infer<typeof RetryRunsInput>;

/** `newId`: the run that was launched; null: none was, and `problem` says why. */
export const RetriedRun = z.object({ id: RunId, newId: RunId.nullable(), problem: z.string().nullable() });
export type RetriedRun = z.infer<typeof RetriedRun>;

/** Whether runs that ended badly still want somebody to look. */
export const DismissRunsInput = z.object({ ids: BulkIds, dismissed: z.boolean().default(true) });
export type DismissRunsInput = z.infer<typeof DismissRunsInput>;

/** Where a running run wanted to go and was not let. */
export const Refusals = z.object({
  count: z.number().int().nonnegative(),
  /** The newest first, each once. */
  hosts: z.array(AuditRecord.shape.host),
  /** The `n` of the newest. */
  last: z.number().int().nonnegative(),
});
export type Refusals = z.infer<typeof Refusals>;

const Total = z.number().int().nonnegative();

/** What a person wants to know at first, in one answer: what pages ask every few seconds. Of what each step says there is the beginning. */
export const RunsOverview = z.object({
  /** Each waits for an answer; the one that has waited longest first. */
  waiting: z.array(ListedRun),
  /** Ended badly within the last `ATTENTION_DAYS`, and nobody has dismissed it; the newest end first. */
  attention: z.array(ListedRun),
  /** The one that began first is first; `running` has at most so many, `runningTotal` counts all. */
  running: z.array(ListedRun.extend({ refused: Refusals })),
  runningTotal: Total,
  queued: z.object({
    total: Total,
    /** The first of those that were launched by themselves, in the order of the queue. */
    runs: z.array(ListedRun),
    /** Queued runs of batches, by batch; `position` is that of the first. */
    batches: z.array(z.object({ id: BatchId, name: z.string(), count: Total, position: z.number().int().positive() })),
  }),
  /** For the day's money waits what is queued, and before its next attempt what goes on; null: it has not come to that, or nobody waits for it. */
  budget: BudgetHold.nullable(),
  /** Ended last; of a batch as of others. */
  recent: z.array(ListedRun),
});
export type RunsOverview = z.infer<typeof RunsOverview>;

/** What ended badly longer ago than this is told no more. */
export const ATTENTION_DAYS = 7;
