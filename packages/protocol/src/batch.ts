import { z } from "zod";
import { BatchMark } from "./batch-member.ts";
import { PullRequestLink } from "./delivery.ts";
import { DiffSize } from "./figures.ts";
import { BatchId, RunId, TaskId, Timestamp } from "./ids.ts";
import { RUN_STATUSES, RunOutcome, RunOutcomeName, RunStatus } from "./outcome.ts";
import { CreateRunInput } from "./run.ts";

export const BATCH_RUNS_MAX = 1000;
export const BATCH_ATTEMPTS_MAX = 20;
export const BATCH_VARIANTS_MAX = 20;

const wholeNumber = (most: number) =>
  z
    .number("must be a number")
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(most, `must be at most ${most.toLocaleString("en")}`);

const Label = z.string().trim().min(1, "is empty: leave it out, or say what tells this variant from the others").max(100);

/** One way to do the work. What is left out is as in the batch: its task, and Claude Code's default model. */
export const BatchVariantInput = z.strictObject({
  model: CreateRunInput.shape.model,
  /** Another task is another prompt. */
  taskId: TaskId.optional(),
  /** How people call it; made up of task and model when left out. */
  label: Label.optional(),
});
export type BatchVariantInput = z.infer<typeof BatchVariantInput>;

/** Whether an address can be used is said of all of them at once, so that nobody has to correct a list entry by entry. */
const BatchRepositoryInput = z.strictObject({ repository: z.string().trim(), ref: CreateRunInput.shape.ref });

/** Each repository with each variant, as often as there are attempts: so many runs a batch has. Pure. */
export const runsOfBatch = (input: {
  repositories: readonly unknown[];
  variants: readonly unknown[];
  attempts: number;
}): number => input.repositories.length * input.variants.length * input.attempts;

export const CreateBatchInput = z
  .strictObject({
    taskId: TaskId,
    /** As the task is called, when left out. */
    name: z.string().trim().min(1, "the name is empty: leave it out, or give one").max(200).optional(),
    repositories: z
      .array(BatchRepositoryInput)
      .min(1, "a batch needs at least one repository")
      .max(BATCH_RUNS_MAX, `a batch has at most ${BATCH_RUNS_MAX.toLocaleString("en")} repositories`),
    /** What every run has beside its repository; see `CreateRunInput`. */
    additionalRepositories: CreateRunInput.shape.additionalRepositories,
    /** So many runs for each repository and variant, of which one is to be chosen. */
    attempts: wholeNumber(BATCH_ATTEMPTS_MAX).default(1),
    variants: z
      .array(BatchVariantInput)
      .min(1, "a batch needs at least one variant; leave them out for the task as it is")
      .max(BATCH_VARIANTS_MAX, `a batch has at most ${BATCH_VARIANTS_MAX} variants`)
      .default([{}]),
    limits: CreateRunInput.shape.limits,
    priority: CreateRunInput.shape.priority,
    /** The same for every run; a task of a variant takes those that it has. */
    parameters: CreateRunInput.shape.parameters,
    /** Of runs that compete for one repository, only the chosen one is delivered. Left out: as the tasks say. */
    delivery: CreateRunInput.shape.delivery,
    /** The environment of all of them; null: none. Left out: those of the tasks, or else of the repositories. */
    environmentId: CreateRunInput.shape.environmentId,
    /** What they may reach; left out: as the tasks say, or else the environments. */
    network: CreateRunInput.shape.network,
    allowedHosts: CreateRunInput.shape.allowedHosts,
    /** So many of its runs may go on at once, over all servers; null: as many as the servers take. */
    maxConcurrent: wholeNumber(BATCH_RUNS_MAX).nullable().optional(),
    /** The same key with the same task always gives the same batch; with anything else that differs it is a `conflict`. */
    idempotencyKey: z.string().min(1).max(200).optional(),
  })
  .check((context) => {
    const { value } = context;
    const runs = runsOfBatch(value);
    if (runs <= BATCH_RUNS_MAX) return;
    const say = (count: number, what: string) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
    context.issues.push({
      code: "custom",
      input: value,
      message: `${value.repositories.length.toLocaleString("en")} ${value.repositories.length === 1 ? "repository" : "repositories"} × ${say(value.variants.length, "variant")} × ${say(value.attempts, "attempt")} are ${say(runs, "run")}; a batch has at most ${BATCH_RUNS_MAX.toLocaleString("en")}`,
    });
  });
export type CreateBatchInput = z.infer<typeof CreateBatchInput>;

/** What people want of a batch. `paused`: what goes on goes on, and nothing more of it starts. */
export const BATCH_STATES = ["running", "paused", "canceled"] as const;
export const BatchState = z.enum(BATCH_STATES);
export type BatchState = z.infer<typeof BatchState>;

/** A variant as it was when the batch was launched. */
export const BatchVariant = z.object({ label: z.string(), taskId: TaskId, taskName: z.string(), model: z.string().nullable() });
export type BatchVariant = z.infer<typeof BatchVariant>;

const Count = z.number().int().nonnegative();

export const Batch = z.object({
  id: BatchId,
  taskId: TaskId,
  taskName: z.string(),
  name: z.string(),
  state: BatchState,
  maxConcurrent: z.number().int().nullable(),
  attempts: Count,
  variants: z.array(BatchVariant),
  /** How many repositories were listed; each is a group. */
  groups: Count,
  createdAt: Timestamp,
});
export type Batch = z.infer<typeof Batch>;

/** A batch as the API tells it. Runs that were replaced count in nothing but the costs. */
export const BatchView = Batch.extend({
  progress: z.object({ done: Count, total: Count }),
  counts: z.object({
    /** Of runs that have ended, or wait for an answer. */
    outcomes: z.partialRecord(RunOutcomeName, Count),
    statuses: z.partialRecord(z.enum(RUN_STATUSES), Count),
    chosen: Count,
    closed: Count,
    /** Of those that have ended, so many are not kept any more. */
    removed: Count,
    /** Of those that are shown, so many would be launched again by `batches.retry`. */
    retriable: Count,
  }),
  /** Of all runs, also of those that were replaced. */
  costUsd: z.number(),
  /** When the first run started, and when the last one ended; null: none did, or some have not ended. */
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
  /** How it stands, in one sentence. */
  summary: z.string(),
});
export type BatchView = z.infer<typeof BatchView>;

/** A row of a batch's table: a run, by its figures. */
export const BatchRow = z.object({
  runId: RunId,
  place: z.number().int().positive(),
  group: z.number().int().positive(),
  repository: z.string(),
  ref: z.string().nullable(),
  variant: z.string(),
  attempt: z.number().int().positive(),
  /** More than 1: earlier runs in its place ended badly, and were replaced. */
  tries: z.number().int().positive(),
  mark: BatchMark.nullable(),
  status: RunStatus,
  outcome: RunOutcome.nullable(),
  /** Over all steps, as they came out when they ran last. */
  checks: z.object({ passed: Count, total: Count }),
  /** Over all steps. */
  attemptsUsed: Count,
  costUsd: z.number(),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
  /** As it was saved last; null: nothing was yet. */
  diff: DiffSize.nullable(),
  /** Of a run with several repositories, the first one. */
  pullRequest: PullRequestLink.nullable(),
});
export type BatchRow = z.infer<typeof BatchRow>;

/** Newest first. The next page: `before` the last batch of this one. */
export const ListBatchesInput = z.object({
  before: BatchId.optional(),
  limit: z.number().int().min(1).max(100).default(20),
});
export type ListBatchesInput = z.infer<typeof ListBatchesInput>;

/** In the order of their places. The next page: `after` the place of the last row of this one. */
export const ListBatchRunsInput = z.object({
  id: BatchId,
  /** Those alone that compete with each other. */
  group: z.number().int().min(1).max(BATCH_RUNS_MAX).optional(),
  after: z.number().int().min(0).max(BATCH_RUNS_MAX).default(0),
  limit: z.number().int().min(1).max(BATCH_RUNS_MAX).default(200),
});
export type ListBatchRunsInput = z.infer<typeof ListBatchRunsInput>;
