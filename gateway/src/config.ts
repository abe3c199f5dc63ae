import path from "node:path";
import { CcrError, describeZodError } from "@ccr/protocol";
import { z } from "zod";
import type { Credential } from "./credential.ts";

export type Config = {
  /** Where the control interface listens. */
  controlSocketPath: string;
  upstream: { baseUrl: URL; credential: Credential };
  /** Whether the end of standard input is the end of whoever started the gateway, and so its own. */
  endsWithInput: boolean;
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
});

/** `stdin`: end when standard input does; the one who started the gateway holds its other end. */
const OWNER = "GATEWAY_OWNER";

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
    ["GATEWAY_CONTROL", "ANTHROPIC_BASE_URL"].map((name) => [name, env[name] === "" ? undefined : env[name]]),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) throw new CcrError("bad_request", describeZodError(parsed.error));
  return {
    controlSocketPath: parsed.data.GATEWAY_CONTROL,
    upstream: { baseUrl: new URL(parsed.data.ANTHROPIC_BASE_URL), credential },
    endsWithInput: env[OWNER] === "stdin",
  };
};
