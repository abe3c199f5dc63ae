import { z } from "zod";
import { InstanceId, RunId, TaskId, Timestamp } from "./ids.ts";
import { Step } from "./task.ts";

export const RUN_STATUSES = [
  "queued",
  "starting",
  "running",
  "waiting",
  "canceling",
  "succeeded",
  "failed",
  "errored",
  "canceled",
] as const;
export const RunStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof RunStatus>;

export const FINAL_STATUSES = ["succeeded", "failed", "errored", "canceled"] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** Whether a run with this status will never change again. */
export const isFinal = (status: RunStatus): status is FinalStatus => FINAL_STATUSES.some((final) => final === status);

/**
 * Why a run ended: a closed list. `status` is the one status that goes with the reason; `sentence` is what a person reads.
 * `failed` means that the work failed, `errored` that we did.
 */
export const RUN_REASONS = {
  passed: { status: "succeeded", sentence: "Every step finished and its checks passed." },
  passed_no_changes: {
    status: "succeeded",
    sentence: "Every step finished and its checks passed; no file of the repository was changed.",
  },
  check_failed: { status: "failed", sentence: "A check did not pass." },
  agent_error: { status: "failed", sentence: "Claude Code ended a step with an error." },
  agent_stalled: { status: "failed", sentence: "Claude Code stopped making progress and was stopped." },
  limit_turns: { status: "failed", sentence: "The run used up its limit of turns." },
  limit_budget: { status: "failed", sentence: "The run used up its limit of money." },
  limit_time: { status: "failed", sentence: "The run used up its limit of time." },
  limit_memory: { status: "failed", sentence: "The sandbox ran out of memory." },
  limit_disk: { status: "failed", sentence: "The sandbox used up its limit of disk space." },
  model_unauthorized: { status: "errored", sentence: "The model's API refused the server's credential." },
  model_unavailable: {
    status: "errored",
    sentence: "The model's API could not be used: it answered with errors, or not at all.",
  },
  repository_unreachable: { status: "errored", sentence: "The repository could not be fetched." },
  repository_empty: { status: "errored", sentence: "The repository has no commit to start from." },
  ref_not_found: { status: "errored", sentence: "The repository has no such branch, tag or commit." },
  clone_failed: { status: "errored", sentence: "The repository could not be checked out in the sandbox." },
  driver_unavailable: { status: "errored", sentence: "No sandbox can be made: the sandbox driver is not usable now." },
  sandbox_failed: { status: "errored", sentence: "The sandbox could not be started." },
  sandbox_lost: { status: "errored", sentence: "The sandbox ended before the run did." },
  result_lost: { status: "errored", sentence: "The run's changes could not be brought to safety." },
  disk_full: { status: "errored", sentence: "The server's disk is full." },
  server_lost: {
    status: "errored",
    sentence: "The server that drove the run is gone, and the run's sandbox cannot be reached from here.",
  },
  internal: { status: "errored", sentence: "Something went wrong in the server." },
  canceled: { status: "canceled", sentence: "The run was canceled." },
} as const satisfies Record<string, { status: FinalStatus; sentence: string }>;
export const RunReason = z.custom<keyof typeof RUN_REASONS>(
  (reason) => typeof reason === "string" && Object.hasOwn(RUN_REASONS, reason),
  "is not a reason",
);
export type RunReason = z.infer<typeof RunReason>;

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
  /** `owner/name` on GitHub, an https, http or ssh URL, or a local path under one of the allowed roots. */
  repository: z
    .string()
    .trim()
    .min(1, "the repository is empty: give owner/name, a URL or a local path")
    .max(2048, "the repository is longer than 2,048 characters"),
  /** Branch, tag or commit to start from; the repository's default branch when left out. */
  ref: z.string().trim().min(1).max(255).optional(),
  model: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[\w.:/@[\]-]+$/, "is not a model's name")
    .optional(),
  limits: RunLimits.partial().optional(),
  priority: RunPriority.optional(),
  /** The same key with the same task always gives the same run; with another repository, ref, model or limits it is a `conflict`. */
  idempotencyKey: z.string().min(1).max(200).optional(),
});
export type CreateRunInput = z.infer<typeof CreateRunInput>;

export const RunUsage = z.object({
  costUsd: z.number(),
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  turns: z.number().int(),
});
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
  model: z.string().nullable(),
  limits: RunLimits,
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
});
export type Run = z.infer<typeof Run>;

/** What a queued run waits for, beyond its turn: a limit on how many run at once, or room on the server's disk. */
export const QUEUE_HOLDS = ["all", "repository", "task", "disk"] as const;

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
export const RunView = Run.extend({ queue: QueuePlace.nullable() });
export type RunView = z.infer<typeof RunView>;

export const SetPriorityInput = z.object({ id: RunId, priority: RunPriority });
export type SetPriorityInput = z.infer<typeof SetPriorityInput>;

/** Newest first. The next page: `before` the last run of this one. */
export const ListRunsInput = z.object({
  taskId: TaskId.optional(),
  status: z.array(RunStatus).optional(),
  before: RunId.optional(),
  limit: z.number().int().min(1).max(200).default(50),
});
export type ListRunsInput = z.infer<typeof ListRunsInput>;
