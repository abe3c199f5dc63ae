import { z } from "zod";
import { InstanceId, Timestamp } from "./ids.ts";
import { RunStatus } from "./outcome.ts";
import { RunLimits } from "./run-limits.ts";
import { Instance } from "./sandbox.ts";

/** `living`: all sandboxes that there are. `stopped`: the records of those that were, the newest first; the next page: `before` the last one of this. */
export const ListInstancesInput = z.object({
  state: z.enum(["living", "stopped"]).default("living"),
  before: InstanceId.optional(),
  /** Of the stopped; the living are few, and all told. */
  limit: z.number().int().min(1).max(200).default(50),
});
export type ListInstancesInput = z.infer<typeof ListInstancesInput>;

/** What a list of instances tells of the run that one belongs to. */
export const InstanceRun = z.object({
  taskName: z.string(),
  status: RunStatus,
  stepIndex: z.number().int().nullable(),
  steps: z.number().int(),
  limits: RunLimits,
  /** Whether the agent works in this sandbox; else it is for a set-up, or for checks, or was replaced. */
  isAgents: z.boolean(),
});
export type InstanceRun = z.infer<typeof InstanceRun>;

/** `run`: null when it was just deleted. */
export const InstanceView = Instance.extend({ run: InstanceRun.nullable() });
export type InstanceView = z.infer<typeof InstanceView>;

/** What a sandbox uses at a moment; null: that cannot be told of it. */
export const SandboxUsage = z.object({
  at: Timestamp,
  /** Without what the kernel only keeps in case it is read again. */
  memoryBytes: z.number().int().nonnegative().nullable(),
  /** Processor time of all its processes so far. */
  cpuMs: z.number().nonnegative().nullable(),
  processes: z.number().int().nonnegative().nullable(),
  diskBytes: z.number().int().nonnegative().nullable(),
});
export type SandboxUsage = z.infer<typeof SandboxUsage>;

/** `usage`: null when its sandbox is on another machine, or is just being made or removed. */
export const InstanceUsage = z.object({ id: InstanceId, usage: SandboxUsage.nullable() });
export type InstanceUsage = z.infer<typeof InstanceUsage>;
