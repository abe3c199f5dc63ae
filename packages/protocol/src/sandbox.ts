import { z } from "zod";
import { InstanceId, RunId, Timestamp } from "./ids.ts";

export const SandboxMount = z.object({
  /** An absolute path on the host. */
  source: z.string().startsWith("/"),
  target: z.string().startsWith("/"),
  readOnly: z.boolean(),
});
export type SandboxMount = z.infer<typeof SandboxMount>;

export const SandboxLimits = z.object({
  memoryMb: z.number().int().positive(),
  cpus: z.number().positive(),
  processes: z.number().int().positive(),
  /** What the writable mounts may hold together. */
  diskMb: z.number().int().positive(),
});
export type SandboxLimits = z.infer<typeof SandboxLimits>;

/** What a driver is asked to make; the same for every driver. */
export const SandboxSpec = z.object({
  instanceId: InstanceId,
  /** The image's reference; drivers without images ignore it. */
  image: z.string(),
  env: z.record(z.string(), z.string()),
  mounts: z.array(SandboxMount),
  limits: SandboxLimits,
  /** After this moment nobody needs the sandbox. It is written on all that a driver makes, for people who look at it there. */
  deadline: Timestamp,
});
export type SandboxSpec = z.infer<typeof SandboxSpec>;

/** Where the executor of a sandbox listens. */
export const SandboxEndpoint = z.union([z.object({ socketPath: z.string() }), z.object({ url: z.url() })]);
export type SandboxEndpoint = z.infer<typeof SandboxEndpoint>;

/** By what a driver finds its sandbox again, also after a restart. `data` is read only by the driver that wrote it. */
export const SandboxHandle = z.object({
  version: z.literal(1),
  driver: z.string(),
  instanceId: InstanceId,
  endpoint: SandboxEndpoint,
  data: z.record(z.string(), z.unknown()),
});
export type SandboxHandle = z.infer<typeof SandboxHandle>;

export const INSTANCE_STATUSES = ["starting", "idle", "executing", "stopped"] as const;

/** Our record of a sandbox. */
export const Instance = z.object({
  id: InstanceId,
  runId: RunId,
  driver: z.string(),
  status: z.enum(INSTANCE_STATUSES),
  createdAt: Timestamp,
  stoppedAt: Timestamp.nullable(),
});
export type Instance = z.infer<typeof Instance>;
