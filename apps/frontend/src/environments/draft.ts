import {
  type AllowRule,
  CreateEnvironmentInput,
  DEFAULT_CACHE_KEYS,
  type Environment,
  NETWORK_PRESETS,
  SETUP_SECONDS,
} from "@ccr/protocol";
import { z } from "zod";
import { numberOf } from "../ui/number-of.ts";

/** An environment as it is being written, in the form in which it is typed. Nothing in it need be valid. */
export const EnvironmentDraft = z.object({
  name: z.string(),
  imageKind: z.enum(["default", "named", "devcontainer"]),
  imageName: z.string(),
  devcontainerPath: z.string(),
  /** What agents may reach: as below, for the set-up. */
  agentNetwork: z.enum(NETWORK_PRESETS).default("none"),
  agentHosts: z.string().default(""),
  /** Empty: there is no set-up. */
  script: z.string(),
  network: z.enum(NETWORK_PRESETS),
  /** `host` or `host:port`, one a line. */
  hosts: z.string(),
  minutes: z.string(),
  /** One pattern a line. */
  cacheKeys: z.string(),
  /** `NAME=value`, one a line. */
  variables: z.string(),
  /** The version that was the start; null for a new one. */
  base: z.string().nullable(),
});
export type EnvironmentDraft = z.infer<typeof EnvironmentDraft>;

const SECONDS_PER_MINUTE = 60;
const minutesOf = (seconds: number): string => String(Number((seconds / SECONDS_PER_MINUTE).toFixed(2)));

export const emptyDraft = (): EnvironmentDraft => ({
  name: "",
  imageKind: "default",
  imageName: "",
  devcontainerPath: "",
  agentNetwork: "none",
  agentHosts: "",
  script: "",
  network: "packages",
  hosts: "",
  minutes: minutesOf(SETUP_SECONDS.usual),
  cacheKeys: DEFAULT_CACHE_KEYS.join("\n"),
  variables: "",
  base: null,
});

const hostsText = (rules: readonly AllowRule[]): string =>
  rules.flatMap(({ host, ports }) => ports.map((port) => (port === 443 ? host : `${host}:${port}`))).join("\n");

export const draftOf = ({ name, image, setup, variables, version, ...reach }: Environment): EnvironmentDraft => ({
  ...emptyDraft(),
  name,
  imageKind: image.kind,
  imageName: image.kind === "named" ? image.name : "",
  devcontainerPath: image.kind === "devcontainer" ? (image.path ?? "") : "",
  agentNetwork: reach.network,
  agentHosts: hostsText(reach.allowedHosts),
  ...(setup === null
    ? {}
    : {
        script: setup.script,
        network: setup.network,
        hosts: hostsText(setup.allowedHosts),
        minutes: minutesOf(setup.seconds),
        cacheKeys: setup.cacheKeys.join("\n"),
      }),
  variables: Object.entries(variables)
    .map(([variable, value]) => `${variable}=${value}`)
    .join("\n"),
  base: String(version),
});

/** Whether saving would change something. */
export const isChanged = (draft: EnvironmentDraft, saved: EnvironmentDraft): boolean =>
  JSON.stringify({ ...draft, base: null }) !== JSON.stringify({ ...saved, base: null });

const FIELD_WORDS: Readonly<Record<Exclude<keyof EnvironmentDraft, "base">, string>> = {
  name: "name",
  imageKind: "image",
  imageName: "image",
  devcontainerPath: "image",
  agentNetwork: "what Claude Code may reach",
  agentHosts: "what Claude Code may reach",
  script: "script",
  network: "what the set-up may reach",
  hosts: "what the set-up may reach",
  minutes: "how long the set-up may take",
  cacheKeys: "when it is made anew",
  variables: "variables",
};

/** In what a draft and what is saved differ, in words. Pure. */
export const describeDifference = (draft: EnvironmentDraft, saved: EnvironmentDraft): string[] => [
  ...new Set(
    Object.entries(FIELD_WORDS).flatMap(([field, words]) =>
      Reflect.get(draft, field) === Reflect.get(saved, field) ? [] : [words],
    ),
  ),
];

export type Problems = ReadonlyMap<keyof EnvironmentDraft, string>;

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Which field of the draft a part of the input came from. */
const FIELDS: Readonly<Record<string, keyof EnvironmentDraft>> = {
  name: "name",
  "image.name": "imageName",
  "image.path": "devcontainerPath",
  network: "agentNetwork",
  allowedHosts: "agentHosts",
  "setup.script": "script",
  "setup.allowedHosts": "hosts",
  "setup.seconds": "minutes",
  "setup.cacheKeys": "cacheKeys",
  variables: "variables",
};

/** A variable's value is what follows the first `=`, as it stands there: a value over several lines cannot be typed here. */
const variablesOf = (text: string): { ok: true; variables: Record<string, string> } | { ok: false; problem: string } => {
  const variables: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    if (at <= 0)
      return { ok: false, problem: `write each variable as NAME=value; '${line.trim().slice(0, 60)}' has no name and value` };
    variables[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return { ok: true, variables };
};

const rulesOf = (text: string): { host: string; ports: number[] }[] =>
  linesOf(text).map((line) => {
    const [, host = line, port] = /^(.+?)(?::(\d{1,5}))?$/.exec(line) ?? [];
    return { host, ports: [port === undefined ? 443 : Number(port)] };
  });

/** The draft as the server takes it, or what is wrong with it, by field, in the server's own words. */
export const validateDraft = (
  draft: EnvironmentDraft,
): { ok: true; input: CreateEnvironmentInput } | { ok: false; problems: Problems } => {
  const given = variablesOf(draft.variables);
  if (!given.ok) return { ok: false, problems: new Map([["variables", given.problem]]) };
  const { variables } = given;
  const path = draft.devcontainerPath.trim();
  const image =
    draft.imageKind === "named"
      ? { kind: "named", name: draft.imageName }
      : draft.imageKind === "devcontainer"
        ? { kind: "devcontainer", ...(path === "" ? {} : { path }) }
        : { kind: "default" };
  const setup =
    draft.script.trim() === ""
      ? null
      : {
          script: draft.script,
          network: draft.network,
          allowedHosts: rulesOf(draft.hosts),
          seconds: Math.round(numberOf(draft.minutes) * SECONDS_PER_MINUTE),
          cacheKeys: linesOf(draft.cacheKeys),
        };
  const parsed = CreateEnvironmentInput.safeParse({
    name: draft.name,
    image,
    setup,
    network: draft.agentNetwork,
    allowedHosts: rulesOf(draft.agentHosts),
    variables,
  });
  if (parsed.success) return { ok: true, input: parsed.data };
  const problems = new Map<keyof EnvironmentDraft, string>();
  for (const { path: place, message } of parsed.error.issues) {
    const names = place.map(String);
    const field = FIELDS[names.slice(0, 2).join(".")] ?? FIELDS[names[0] ?? ""] ?? "name";
    const detail = field === "minutes" ? minutesProblem : message;
    if (!problems.has(field)) problems.set(field, detail);
  }
  return { ok: false, problems };
};

const minutesProblem = `between ${SETUP_SECONDS.least} seconds and ${(SETUP_SECONDS.most / SECONDS_PER_MINUTE).toLocaleString("en")} minutes`;
