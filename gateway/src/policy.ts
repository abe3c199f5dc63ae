import { type AllowRule, type AuditRecord, matchesHost, type Policy } from "@ccr/protocol";
import type { Target } from "./target.ts";

/** `rule` says in words for people what decided; `by`: see `AuditRecord.refusedBy`. */
export type Decision =
  | { decision: "allow"; rule: string }
  | { decision: "deny"; rule: string; by: NonNullable<AuditRecord["refusedBy"]> };

const isHostPermitted = (rules: AllowRule[], host: string): AllowRule | undefined =>
  rules.find((rule) => matchesHost(rule.host, host));

/** Whether a run with this policy may reach the target: deny by default, and an error while deciding is a deny. Pure. */
export const decide = (policy: Policy, target: Target): Decision => {
  try {
    const rule = policy.allow.find(
      (candidate) => matchesHost(candidate.host, target.host) && candidate.ports.includes(target.port),
    );
    if (rule !== undefined) return { decision: "allow", rule: `the allow-list has ${rule.host} on port ${target.port}` };
    const sameHost = isHostPermitted(policy.allow, target.host);
    return {
      decision: "deny",
      by: "policy",
      rule:
        sameHost === undefined
          ? `${target.host} is not on the allow-list of this run`
          : `${target.host} is on the allow-list of this run, but not with port ${target.port}`,
    };
  } catch {
    return { decision: "deny", by: "gateway", rule: "the policy of this run could not be read" };
  }
};
