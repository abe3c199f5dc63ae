import type { AuditRecord } from "@ccr/protocol";

/** How an exchange went, as far as its handler knows; the door makes the audit record of it. */
export type Outcome = Pick<
  AuditRecord,
  "kind" | "method" | "host" | "port" | "path" | "decision" | "rule" | "refusedBy" | "status" | "bytesUp" | "bytesDown" | "usage"
>;

/** What was asked for. */
export type Asked = Pick<Outcome, "kind" | "method" | "host" | "port" | "path">;

/** The outcome of a request that went nowhere; no rule of a policy would let it through, unless that is said. */
export const refused = (
  asked: Asked,
  rule: string,
  status: number | null,
  refusedBy: NonNullable<Outcome["refusedBy"]> = "gateway",
): Outcome => ({
  ...asked,
  decision: "refused",
  rule,
  refusedBy,
  status,
  bytesUp: 0,
  bytesDown: 0,
  usage: null,
});

/** The outcome of a request that was let through, whatever its server then did. */
export const allowed = (
  asked: Asked,
  rest: Pick<Outcome, "rule" | "status" | "bytesUp" | "bytesDown"> & Partial<Outcome>,
): Outcome => ({
  usage: null,
  ...asked,
  decision: "allowed",
  ...rest,
});
