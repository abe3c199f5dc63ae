import path from "node:path";
import { CcrError, describeZodError } from "@ccr/protocol";
import { z } from "zod";
import type { Credential } from "./credential.ts";

export type Config = {
  /** Where the control interface listens. */
  controlSocketPath: string;
  upstream: { baseUrl: URL; credential: Credential };
  /** What whoever started the gateway calls this configuration, so that another one can tell whether it would start the same. */
  configuration: string;
  /** How long it goes on with open doors and without a word from a backend. */
  aloneMs: number;
};

/** Where the credential may stand, in the order in which it is looked for. */
const CREDENTIALS = [
  { variable: "ANTHROPIC_API_KEY", kind: "api_key" },
  { variable: "CLAUDE_CODE_OAUTH_TOKEN", kind: "oauth_token" },
  { variable: "ANTHROPIC_AUTH_TOKEN", kind: "bearer_token" },
] as const;

const isBaseUrl = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
};

const Environment = z.object({
  GATEWAY_CONTROL: z
    .string("is not set: give the path of the control interface's unix socket")
    .refine((value) => path.isAbsolute(value), "must be an absolute path")
    .refine((value) => Buffer.byteLength(value) <= 107, "must have at most 107 bytes, as every unix socket's path"),
  ANTHROPIC_BASE_URL: z
    .string()
    .refine(isBaseUrl, "must be an http:// or https:// address without user, query or fragment")
    .default("https://api.anthropic.com"),
  GATEWAY_CONFIGURATION: z.string().max(200, "must have at most 200 characters").default(""),
  // Long enough for a server that is updated and started again by hand.
  GATEWAY_ALONE_SECONDS: z.coerce
    .number("must be a number of seconds")
    .positive("must be more than 0")
    .max(86_400, "must be at most 86400, which is a day")
    .default(900),
});

const takeCredential = (env: NodeJS.ProcessEnv): Credential => {
  const found = CREDENTIALS.map(({ variable, kind }) => ({ variable, kind, secret: env[variable]?.trim() ?? "" }));
  // Gone from what this process would hand on to others, the unused ones too.
  for (const { variable } of CREDENTIALS) delete env[variable];
  const chosen = found.find(({ secret }) => secret !== "");
  if (chosen === undefined) {
    throw new CcrError(
      "bad_request",
      `No credential for the model: set one of ${CREDENTIALS.map(({ variable }) => variable).join(", ")}.`,
    );
  }
  if (!/^[\x21-\x7e]{1,8192}$/.test(chosen.secret)) {
    throw new CcrError(
      "bad_request",
      `${chosen.variable} has characters that no credential has (spaces, line ends or non-ASCII ones).`,
    );
  }
  return { kind: chosen.kind, secret: chosen.secret };
};

/** Reads the whole configuration and takes the credentials out of `env`. Throws with one line that names the variable, never its value when secret. */
export const readConfig = (env: NodeJS.ProcessEnv = process.env): Config => {
  const credential = takeCredential(env);
  const given = Object.fromEntries(
    Object.keys(Environment.shape).map((name) => [name, env[name] === "" ? undefined : env[name]]),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) throw new CcrError("bad_request", describeZodError(parsed.error));
  return {
    controlSocketPath: parsed.data.GATEWAY_CONTROL,
    upstream: { baseUrl: new URL(parsed.data.ANTHROPIC_BASE_URL), credential },
    configuration: parsed.data.GATEWAY_CONFIGURATION,
    aloneMs: parsed.data.GATEWAY_ALONE_SECONDS * 1000,
  };
};
