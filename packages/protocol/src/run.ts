import { z } from "zod";
import { BatchMember } from "./batch-member.ts";
import {
  ADDITIONAL_REPOSITORIES_MAX,
  AdditionalRepository,
  AdditionalRepositoryInput,
  DirectoryName,
  RefText,
  RepositoryText,
} from "./checkout.ts";
import { Continuation, Delivered, DeliverySettings } from "./delivery.ts";
import { RunEnvironment } from "./environment.ts";
import { BatchId, EnvironmentId, InstanceId, RunId, TaskId, Timestamp } from "./ids.ts";
import { RunOutcome, RunReason, RunStatus } from "./outcome.ts";
import { DEFAULT_PERMISSION_MODE, PermissionMode, Question } from "./talk.ts";
import { Step } from "./task.ts";

type Bounds = { least: number; most: number; unit: string };

/** The least and the most that each limit may be, in its own unit. A budget must also be more than nothing. */
export const RUN_LIMIT_BOUNDS = {
  timeSeconds: { least: 10, most: 7 * 24 * 3600, unit: "seconds" },
  stepSeconds: { least: 5, most: 7 * 24 * 3600, unit: "seconds" },
  turns: { least: 1, most: 10_000, unit: "turns" },
  budgetUsd: { least: 0, most: 100_000, unit: "US dollars" },
  memoryMb: { least: 512, most: 1024 * 1024, unit: "MiB" },
  cpus: { least: 0.1, most: 1024, unit: "processors" },
  processes: { least: 64, most: 100_000, unit: "processes" },
  diskMb: { least: 64, most: 10 * 1024 * 1024, unit: "MiB" },
  stallSeconds: { least: 5, most: 24 * 3600, unit: "seconds" },
  checkSeconds: { least: 1, most: 24 * 3600, unit: "seconds" },
  maxAttempts: { least: 1, most: 20, unit: "attempts" },
  answerSeconds: { least: 10, most: 7 * 24 * 3600, unit: "seconds" },
} as const satisfies Record<string, Bounds>;

const boundedNumber = ({ least, most, unit }: Bounds) => {
  const range = `must be between ${least.toLocaleString("en")} and ${most.toLocaleString("en")} ${unit}`;
  return z.number(`must be a number of ${unit}`).min(least, range).max(most, range);
};
const wholeNumber = (bounds: Bounds) => boundedNumber(bounds).int(`must be a whole number of ${bounds.unit}`);

/** What one run may use. Times in seconds, sizes in MiB (1,048,576 bytes), money in US dollars. */
export const RunLimits = z.strictObject({
  timeSeconds: wholeNumber(RUN_LIMIT_BOUNDS.timeSeconds).default(4 * 3600),
  /** One step, with its checks, may take this long; null: as long as the run may. */
  stepSeconds: wholeNumber(RUN_LIMIT_BOUNDS.stepSeconds).nullable().default(null),
  /** Model turns of one step. */
  turns: wholeNumber(RUN_LIMIT_BOUNDS.turns).default(500),
  /** What the model may cost over the whole run; null: no ceiling. */
  budgetUsd: boundedNumber(RUN_LIMIT_BOUNDS.budgetUsd).positive("must be more than 0 US dollars").nullable().default(null),
  memoryMb: wholeNumber(RUN_LIMIT_BOUNDS.memoryMb).default(4096),
  cpus: boundedNumber(RUN_LIMIT_BOUNDS.cpus).default(2),
  processes: wholeNumber(RUN_LIMIT_BOUNDS.processes).default(1024),
  diskMb: wholeNumber(RUN_LIMIT_BOUNDS.diskMb).default(20 * 1024),
  /** Without any sign of life from the agent or a tool for this long, the agent counts as stalled. */
  stallSeconds: wholeNumber(RUN_LIMIT_BOUNDS.stallSeconds).default(600),
  /** One check command may take this long. */
  checkSeconds: wholeNumber(RUN_LIMIT_BOUNDS.checkSeconds).default(1800),
  /** So often the agent may work on one step: each time but the last, a check that fails is given back to it. */
  maxAttempts: wholeNumber(RUN_LIMIT_BOUNDS.maxAttempts).default(2),
  /** The agent waits so long for an answer, which is no part of the run's time; then it is told that nobody answered, and goes on. */
  answerSeconds: wholeNumber(RUN_LIMIT_BOUNDS.answerSeconds).default(3600),
});
export type RunLimits = z.infer<typeof RunLimits>;

/** Of two runs that wait, the one with the greater priority starts first; of equal ones, the older. */
export const RunPriority = z
  .number("must be a number")
  .int("must be a whole number")
  .min(-100, "must be at least -100")
  .max(100, "must be at most 100");

export const CreateRunInput = z.object({
  taskId: TaskId,
  /** See `RepositoryText`. */
  repository: RepositoryText,
  /** See `RefText`. */
  ref: RefText.optional(),
  /** Where `repository` is in the workspace, when there are others beside it; left out: the last part of its address. */
  directory: DirectoryName.optional(),
  /** Repositories that are checked out beside it: the workspace then has a folder for each of them. */
  additionalRepositories: z
    .array(AdditionalRepositoryInput)
    .max(ADDITIONAL_REPOSITORIES_MAX, `a run has at most ${ADDITIONAL_REPOSITORIES_MAX + 1} repositories`)
    .optional(),
  model: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[\w.:/@[\]-]+$/, "is not a model's name")
    .optional(),
  limits: RunLimits.partial().optional(),
  priority: RunPriority.optional(),
  /** The environment; null: none. Left out: the task's, or else that of the repository. */
  environmentId: EnvironmentId.nullable().optional(),
  /** Where the result goes when the run passes; null: nowhere. Left out: as the task says. */
  delivery: DeliverySettings.nullable().optional(),
  /** What Claude Code may do without asking. */
  permissionMode: PermissionMode.default(DEFAULT_PERMISSION_MODE),
  /** Whether it may ask a person: false for runs that nobody looks after, where it decides by itself. */
  asks: z.boolean().default(true),
  /** The same key with the same task always gives the same run; with other repositories, refs, model, delivery, environment or limits it is a `conflict`. */
  idempotencyKey: z.string().min(1).max(200).optional(),
});
export type CreateRunInput = z.infer<typeof CreateRunInput>;

const Usage = z.object({
  costUsd: z.number(),
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  turns: z.number().int(),
});

/** What the whole run used; `judges`: how much of it went into judging checks that are stated in prose. */
export const RunUsage = Usage.extend({ judges: Usage.optional() });
export type RunUsage = z.infer<typeof RunUsage>;

export const Run = z.object({
  id: RunId,
  taskId: TaskId,
  taskName: z.string(),
  /** Copied from the task when the run was created: a later edit of the task does not change the run. */
  steps: z.array(Step),
  /** As the person gave it, without any credential. */
  repository: z.string(),
  ref: z.string().nullable(),
  /** The folder of `repository` in the workspace; null: it is the only one, and in the workspace itself. */
  directory: z.string().nullable(),
  /** The repositories beside it. */
  additionalRepositories: z.array(AdditionalRepository),
  model: z.string().nullable(),
  limits: RunLimits,
  /** Whether a run that changes no file may pass; from the task. */
  allowNoChanges: z.boolean(),
  /** Where the result goes when the run passes; null: nowhere. */
  delivery: DeliverySettings.nullable(),
  /** null: nothing was to be delivered yet. */
  delivered: Delivered.nullable(),
  /** The run that it goes on from; null: it began anew. */
  continues: Continuation.nullable(),
  /** null: none. */
  environment: RunEnvironment.nullable(),
  permissionMode: PermissionMode,
  /** Whether its agent may ask a person. */
  asks: z.boolean(),
  /** What the agent waits for a person to say, in the order in which it was asked; none unless it is `waiting`, or just about to be. */
  questions: z.array(Question),
  priority: RunPriority,
  status: RunStatus,
  /** Set together with a final status. */
  reason: RunReason.nullable(),
  /** What happened, in one sentence for people; set together with a final status. */
  sentence: z.string().nullable(),
  /** The step being worked on, from 0; null before the first. */
  stepIndex: z.number().int().nullable(),
  instanceId: InstanceId.nullable(),
  driver: z.string().nullable(),
  baseCommit: z.string().nullable(),
  headCommit: z.string().nullable(),
  usage: RunUsage,
  lastSeq: z.number().int(),
  createdAt: Timestamp,
  startedAt: Timestamp.nullable(),
  endedAt: Timestamp.nullable(),
  /** null: it was launched by itself. */
  batch: BatchMember.nullable(),
});
export type Run = z.infer<typeof Run>;

/** What a queued run waits for, beyond its turn: a limit on how many run at once, its batch to be resumed, or room on the server's disk. */
export const QUEUE_HOLDS = ["all", "repository", "task", "batch", "paused", "disk"] as const;

/** The place of a queued run in the queue. */
export const QueuePlace = z.object({
  /** 1: the next to start. */
  position: z.number().int().positive(),
  /** How many runs are queued. */
  queued: z.number().int().positive(),
  /** null: it starts as soon as a server looks. */
  heldBy: z.enum(QUEUE_HOLDS).nullable(),
});
export type QueuePlace = z.infer<typeof QueuePlace>;

/** A run as the API tells it; `queue` is null unless it is queued. */
export const RunView = Run.extend({ queue: QueuePlace.nullable(), outcome: RunOutcome.nullable() });
export type RunView = z.infer<typeof RunView>;

/** `delivery` left out: as the run was launched with, else a branch. */
export const PushRunInput = z.object({ id: RunId, delivery: DeliverySettings.optional() });
export type PushRunInput = z.infer<typeof PushRunInput>;

export const SetPriorityInput = z.object({ id: RunId, priority: RunPriority });
export type SetPriorityInput = z.infer<typeof SetPriorityInput>;

/** Newest first. The next page: `before` the last run of this one. */
export const ListRunsInput = z.object({
  taskId: TaskId.optional(),
  batchId: BatchId.optional(),
  status: z.array(RunStatus).optional(),
  before: RunId.optional(),
  limit: z.number().int().min(1).max(200).default(50),
});
export type ListRunsInput = z.infer<typeof ListRunsInput>;
