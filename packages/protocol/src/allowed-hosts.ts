import { z } from "zod";
import { AllowedHost, AllowedPort, AllowRule } from "./gateway.ts";
import { RunId } from "./ids.ts";

/** So many hosts, each with a port, may be allowed for one run, and so many may an environment name. */
export const RUN_HOSTS_MAX = 200;
/** No name in the DNS is longer; two more for a leading `*.`. */
const HOST_MOST_CHARACTERS = 255;
/** What resolvers take for a number: a name that ends with one is an address. */
const NUMBER = /^(\d+|0x[0-9a-f]*)$/;
/** Names that are set aside for one's own machine and network; under `internal` clouds keep what knows a machine's credentials. */
const PRIVATE_NAMES = /(^|\.)(localhost|localdomain|local|internal|home\.arpa)$/;
/** Reached by the model route alone: past it any key could be used. */
export const MODEL_HOST = "api.anthropic.com";

/**
 * Why a host can be reached by no rule, in words that follow its name; null: it may be. Where a name leads is seen by the gateway alone, when it is asked for:
 * it never connects to an address that is not public. Pure.
 */
export const whyNeverAllowed = (host: string): string | null => {
  const name = host.toLowerCase().replace(/^\*\./, "");
  if (name.includes(":") || name.startsWith("[") || NUMBER.test(name.split(".").at(-1) ?? ""))
    return "is an address: only names of hosts can be allowed, and never what is private, loopback or link-local";
  if (PRIVATE_NAMES.test(name)) return "is a name of a private network or of the machine itself, which no sandbox may reach";
  if (name === MODEL_HOST) return "is reached through the model route alone";
  return null;
};

const AllowableHost = z
  .string()
  .max(HOST_MOST_CHARACTERS, "is longer than a host name can be")
  .superRefine((host, ctx) => {
    const why = whyNeverAllowed(host);
    if (why !== null) ctx.addIssue({ code: "custom", message: `${host} ${why}` });
  })
  .pipe(AllowedHost);

/** Lets a run, from now on, reach a host that its policy refuses; `port` 443 when left out. */
export const AllowHostInput = z.object({ id: RunId, host: AllowableHost, port: AllowedPort.default(443) });
export type AllowHostInput = z.infer<typeof AllowHostInput>;

/** One host with one port. */
export type HostAndPort = { host: string; port: number };

/** Hosts that agents may reach, named before they ask; see `whyNeverAllowed` for what cannot be. */
export const AgentHosts = z
  .array(AllowRule.extend({ host: AllowableHost }))
  .refine((rules) => hostsNamed(rules) <= RUN_HOSTS_MAX, `at most ${RUN_HOSTS_MAX} hosts fit, each with a port`);

/** Whether a rule's host means this one: itself, or every name below it. Pure. */
export const matchesHost = (pattern: string, host: string): boolean =>
  // The dot belongs to the suffix: `*.x` matches neither `x` nor `evilx`.
  pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : host === pattern;

/** Whether the rules name this host with this port; a rule for all names below another one names that alone. Pure. */
export const namesHost = (rules: readonly AllowRule[], { host, port }: HostAndPort): boolean =>
  rules.some((rule) => rule.host === host && rule.ports.includes(port));

/** How many hosts, each with a port, the rules name. Pure. */
export const hostsNamed = (rules: readonly AllowRule[]): number => rules.reduce((sum, { ports }) => sum + ports.length, 0);

/** The rules with one host more; each host has one rule. Pure. */
export const withHost = (rules: readonly AllowRule[], { host, port }: HostAndPort): AllowRule[] => {
  if (namesHost(rules, { host, port })) return [...rules];
  if (!rules.some((rule) => rule.host === host)) return [...rules, { host, ports: [port] }];
  return rules.map((rule) => (rule.host === host ? { host, ports: [...rule.ports, port] } : rule));
};
