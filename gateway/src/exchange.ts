import type { Policy } from "@ccr/protocol";
import type { Dial } from "./dial.ts";
import type { Limits } from "./limits.ts";
import type { Asked } from "./outcome.ts";
import { type Decision, decide } from "./policy.ts";
import type { Target } from "./target.ts";

/**
 * Writes down what was let through before it goes on to its server: it has a record even if this process is killed. Throws `disk_full`
 * when that cannot be written; nothing may be let through then.
 */
export type Begin = (asked: Asked, rule: string) => Promise<void>;

/** What the handlers of proxied requests need to know of their door, as it is when the request comes. */
export type ProxyContext = {
  policy: Policy;
  /** Hosts that only the model route leads to, whatever the allow-list says: here a client could use its own key. */
  modelHosts: ReadonlySet<string>;
  dial: Dial;
  limits: Limits;
  begin: Begin;
  /** Aborted when the socket that it came through is closed, alone or with its door: it is cut. */
  signal: AbortSignal;
};

/** `decide`, with the model's hosts kept for the model route. */
export const decideProxied = ({ policy, modelHosts }: ProxyContext, target: Target): Decision =>
  modelHosts.has(target.host)
    ? { decision: "deny", by: "gateway", rule: `${target.host} is reached through the model route alone` }
    : decide(policy, target);

/** What a refused client is told. */
export const refusalMessage = (rule: string): string =>
  `The gateway refused this request: ${rule}. A person can add the host to the run's allow-list.`;
