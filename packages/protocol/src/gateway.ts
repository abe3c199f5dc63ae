import { z } from "zod";
import { RunId, Timestamp } from "./ids.ts";

/** `example.org`, or `*.example.org` for every name below it. */
export const AllowedHost = z
  .string()
  .toLowerCase()
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, "is not a host name");

export const AllowedPort = z.number().int().min(1).max(65535);

/** One rule of an allow-list: a host and its ports. */
export const AllowRule = z.object({ host: AllowedHost, ports: z.array(AllowedPort).min(1).default([443]) });
export type AllowRule = z.infer<typeof AllowRule>;

/** The most rules of one policy. */
export const POLICY_RULES_MAX = 2000;

/** What a run may reach. Deny by default. */
export const Policy = z.object({
  allow: z.array(AllowRule).max(POLICY_RULES_MAX),
  /** Whether requests to the model are let through; left out: they are. */
  model: z.boolean().optional(),
});
export type Policy = z.infer<typeof Policy>;

/** Tokens and money of one model request. */
export const ModelUsage = z.object({
  model: z.string(),
  inputTokens: z.number().int(),
  outputTokens: z.number().int(),
  cacheReadTokens: z.number().int(),
  cacheWriteTokens: z.number().int(),
});
export type ModelUsage = z.infer<typeof ModelUsage>;

/** One request that came through a door; `n` counts from 1 within one run. It never goes back, and a gap says that a file of records was lost. */
export const AuditRecord = z.object({
  n: z.number().int().positive(),
  at: Timestamp,
  runId: RunId,
  kind: z.enum(["model", "connect", "http"]),
  method: z.string().max(32),
  host: z.string().max(300),
  port: z.number().int(),
  /** Path without the query, which may hold secrets; empty for CONNECT. */
  path: z.string().max(2048),
  decision: z.enum(["allowed", "refused"]),
  /** The rule that decided, in words for people. */
  rule: z.string(),
  /**
   * Of a refused one: `policy` has no rule for it, and would let it through with one; `gateway`: it is refused whatever the policy says. Left out by
   * gateways that did not tell yet.
   */
  refusedBy: z.enum(["policy", "gateway"]).optional(),
  /** HTTP status that the sandbox got; null for an open tunnel, and when it got none. */
  status: z.number().int().nullable(),
  bytesUp: z.number().int(),
  bytesDown: z.number().int(),
  durationMs: z.number(),
  usage: ModelUsage.nullable(),
});
export type AuditRecord = z.infer<typeof AuditRecord>;

const SocketPath = z.string().max(107, "a unix socket's path has at most 107 bytes");

/** A way out for one run: unix sockets on which the gateway listens. */
export const Door = z.object({
  runId: RunId,
  socketPath: SocketPath,
  /** Further sockets of the run on which it listens: of sandboxes beside the first one. */
  alsoAt: z.array(SocketPath).max(8).default([]),
  /** Where the audit records are written, one JSON object per line. Files beside it, whose names begin with its own, say who writes it and what is under way. */
  auditPath: z.string(),
  policy: Policy,
  /** The fencing number under which it is opened. Several gateways may be told to open it: it is the one's with the greatest, and of equal ones the last one's. */
  fence: z.number().int().nonnegative().default(0),
  /** The greatest `n` that is stored already: records to come get greater ones, also where the file was lost. */
  auditAfter: z.number().int().nonnegative().default(0),
});
export type Door = z.infer<typeof Door>;

/** What the gateway says of itself. After a restart its doors are gone: whoever needs one opens it again. */
export const GatewayHealth = z.object({
  status: z.literal("ok"),
  startedAt: Timestamp,
  pid: z.number().int().positive(),
  /** What whoever started it called its configuration: a digest, never what it is made from. */
  configuration: z.string(),
  doors: z.array(RunId),
});
export type GatewayHealth = z.infer<typeof GatewayHealth>;

/**
 * The control interface of the gateway, served to the backend alone. One table, from which its router and its client come. Every request
 * is a sign of life of the backend: a gateway that hears none for long ends by itself.
 */
export const gatewayRoutes = {
  health: { method: "GET", path: "/health" },
  /** Every open door with its policy of now, so that whoever replaces the gateway can open them again. */
  listDoors: { method: "GET", path: "/doors" },
  /**
   * Opens a door, in place of one that is open elsewhere, or changes the policy of one that is open (also of tunnels asked for from then on)
   * and at which further sockets it is. Idempotent. `forbidden`: it was opened with a greater fencing number.
   */
  openDoor: { method: "PUT", path: "/doors/:runId" },
  /** Closes a door and cuts what still goes through it. Idempotent. With `fence`: unless it was opened with a greater one, which is `forbidden`. */
  closeDoor: { method: "DELETE", path: "/doors/:runId" },
  /** NDJSON of audit records with `n` > `after`, then live ones, until the door is closed. */
  followAudit: { method: "GET", path: "/doors/:runId/audit" },
} as const;
