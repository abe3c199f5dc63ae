import { z } from "zod";
import { AgentHosts } from "./allowed-hosts.ts";
import { BatchMember } from "./batch-member.ts";
import { BudgetHold } from "./budgets.ts";
import {
  ADDITIONAL_REPOSITORIES_MAX,
  AdditionalRepository,
  AdditionalRepositoryInput,
  DirectoryName,
  RefText,
  RepositoryText,
} from "./checkout.ts";
import { Continuation, Delivered, DeliverySettings } from "./delivery.ts";
import { NetworkPreset, RunEnvironment } from "./environment.ts";
import { AllowRule } from "./gateway.ts";
import { BatchId, EnvironmentId, InstanceId, RunId, TaskId, Timestamp } from "./ids.ts";
import { RunOutcome, RunReason, RunStatus } from "./outcome.ts";
import { GivenLimits, ModelName, RunLimits } from "./run-limits.ts";
import { Step } from "./step.ts";
import { DEFAULT_PERMISSION_MODE, PermissionMode, Question } from "./talk.ts";
import { ParameterInputs, ParameterValues } from "./task-parameters.ts";

/** Who said what a run may reach. */
export const NETWORK_CHOSEN_BY = ["launch", "task", "environment"] as const;

/** Of two runs that wait, the one with the greater priority starts first; of equal ones, the older. */
export const RunPriority = z
  .number("must be a number")
  .int("must be a whole number")
  .min(-100, "must be at least -100")
  .max(100, "must be at most 100");

export const CreateRunInput = z.object({
  taskId: TaskId,
  /** See `RepositoryText`. It may be left out when the task has one. */
  repository: RepositoryText.optional(),
  /** See `RefText`. Left out: the task's, if it has one for this repository. */
  ref: RefText.optional(),
  /** Where `repository` is in the workspace, when there are others beside it; left out: the last part of its address. */
  directory: DirectoryName.optional(),
  /** Repositories that are checked out beside it: the workspace then has a folder for each of them. */
  additionalRepositories: z
    .array(AdditionalRepositoryInput)
    .max(ADDITIONAL_REPOSITORIES_MAX, `a run has at most ${ADDITIONAL_REPOSITORIES_MAX + 1} repositories`)
    .optional(),
  /** Left out: the task's, or else Claude Code's default. */
  model: ModelName.optional(),
  /** What is left out is as the task says, or else as `RunLimits` does. */
  limits: GivenLimits.optional(),
  priority: RunPriority.optional(),
  /** What stands for the task's places, see `TaskParameter`; it is put in when the run is created. */
  parameters: ParameterInputs.optional(),
  /** The environment; null: none. Left out: the task's, or else that of the repository. */
  environmentId: EnvironmentId.nullable().optional(),
  /** What the agent and its checks may reach; left out: as the task says, or else the environment, or else nothing. */
  network: NetworkPreset.optional(),
  /** Further hosts for this run, beside those of its environment. */
  allowedHosts: AgentHosts.optional(),
  /** Where the result goes when the run passes; null: nowhere. Left out: as the task says. */
  delivery: DeliverySettings.nullable().optional(),
  /** What Claude Code may do without asking. */
  permissionMode: PermissionMode.default(DEFAULT_PERMISSION_MODE),
  /** Whether it may ask a person: false for runs that nobody looks after, where it decides by itself. */
  asks: z.boolean().default(true),
  /** The same key with the same task always gives the same run; with other repositories, refs, model, delivery, environment, network, parameters or limits it is a `conflict`. */
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
  /** The version of the task from which it was launched; null: it goes on from another run, or it is of the time before there were any. */
  taskVersion: z.number().int().nullable(),
  /** Copied from the task when the run was created, with the values of its parameters put in: a later edit of the task does not change the run. */
  /** None: see `SetUpEnvironmentInput`. */
  steps: z.array(Step),
  /** What stood for the task's parameters. */
  parameters: ParameterValues,
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
  /** What the agent and its checks may reach, beside the model, what the server allows every run, and the hosts that the environment names. */
  network: NetworkPreset,
  /** Who said so; null: nobody, so that it is `none`. */
  networkBy: z.enum(NETWORK_CHOSEN_BY).nullable(),
  /** What people allowed it to reach, at its launch or while it went on, and those that it does once more or goes on from, beyond all of that. */
  allowedHosts: z.array(AllowRule),
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

/**
 * What a queued run waits for, beyond its turn: a limit on how many run at once, its batch to be resumed, room on the server's disk, the server that keeps what it goes on
 * with, or the day's money.
 */
export const QUEUE_HOLDS = ["all", "repository", "task", "batch", "paused", "disk", "server", "budget"] as const;

/** The place of a queued run in the queue. */
export const QueuePlace = z.object({
  /** 1: the next to start. */
  position: z.number().int().positive(),
  /** How many runs are queued. */
  queued: z.number().int().positive(),
  /** null: it starts as soon as a server looks. */
  heldBy: z.enum(QUEUE_HOLDS).nullable(),
  /** The ceiling that holds it, when `heldBy` is `budget`. */
  budget: BudgetHold.optional(),
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
