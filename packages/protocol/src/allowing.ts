import { matchesHost, whyNeverAllowed } from "./allowed-hosts.ts";
import { AllowedHost, AllowedPort, type AllowRule, type AuditRecord } from "./gateway.ts";
import { isFinal } from "./outcome.ts";
import type { Run } from "./run.ts";

/**
 * What can be done about a request that was refused: its host can be allowed for the run (`can`), it is (`is`), or it cannot be, and why. null: there is
 * nothing to be done, or nothing any more.
 */
export type Allowing = { kind: "can" } | { kind: "is" } | { kind: "never"; why: string } | null;

type AllowingRun = Pick<Run, "status" | "startedAt" | "environment" | "allowedHosts">;

const isNamed = (rules: readonly AllowRule[], { host, port }: Pick<AuditRecord, "host" | "port">): boolean =>
  rules.some((rule) => matchesHost(rule.host, host) && rule.ports.includes(port));

/** Before its agent begins, a run asks for something in the set-up of its environment alone. */
const isOfSetUp = ({ startedAt, environment }: AllowingRun, { at }: AuditRecord): boolean =>
  environment?.setup != null && (startedAt === null || Date.parse(at) < Date.parse(startedAt));

/** What can be done about a request of a run. Pure. */
export const allowingOf = (run: AllowingRun, record: AuditRecord): Allowing => {
  if (record.decision !== "refused" || record.kind === "model") return null;
  const { host, port } = record;
  // What is asked for with a name that is none has nothing that could be allowed.
  if (!AllowedHost.safeParse(host).success || !AllowedPort.safeParse(port).success) return null;
  if (record.refusedBy === "gateway") return { kind: "never", why: record.rule };
  const why = whyNeverAllowed(host);
  if (why !== null) return { kind: "never", why: `${host} ${why}` };
  if (isOfSetUp(run, record))
    return { kind: "never", why: "it was the set-up of the environment, which has hosts of its own: allow it there" };
  if (isNamed(run.allowedHosts, record)) return { kind: "is" };
  return isFinal(run.status) || run.status === "canceling" ? null : { kind: "can" };
};

/** The hosts that were allowed for a run, each with its port. Pure. */
export const hostsOf = (rules: readonly AllowRule[]): string[] =>
  rules.flatMap(({ host, ports }) => ports.map((port) => `${host}:${port}`));
