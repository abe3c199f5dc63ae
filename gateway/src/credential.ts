import type { Headers } from "./headers.ts";

/** The real credential of the model's API, and how it is sent. */
export type Credential =
  | { kind: "api_key"; secret: string }
  /** A subscription's token, which the API takes together with a beta header. */
  | { kind: "oauth_token"; secret: string }
  | { kind: "bearer_token"; secret: string };

const OAUTH_BETA = "oauth-2025-04-20";

/**
 * Betas by which Anthropic's servers, told by a request's body, would fetch from or send to places of the client's choice or hold
 * files for it: ways out that no allow-list sees. Without the beta the API refuses such a body.
 */
const REFUSED_BETAS = ["mcp-client-", "web-fetch-", "files-api-"];

/** All that the Messages API and Claude Code's own bookkeeping need. Everything else stays in the sandbox, credentials first. */
const PASSED = new Set([
  "accept",
  "content-type",
  "content-length",
  "user-agent",
  "x-app",
  "anthropic-version",
  "idempotency-key",
]);
const PASSED_PREFIXES = ["x-stainless-", "x-claude-"];

const isPassed = (name: string): boolean => PASSED.has(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix));

const betasOf = (headers: Headers, credential: Credential): string[] => {
  const asked = headers.flatMap(([name, value]) => (name === "anthropic-beta" ? value.split(",") : []));
  const kept = asked
    .map((beta) => beta.trim())
    .filter((beta) => beta !== "" && !REFUSED_BETAS.some((prefix) => beta.startsWith(prefix)));
  return [...new Set(credential.kind === "oauth_token" ? [...kept, OAUTH_BETA] : kept)];
};

/**
 * The headers for the model's API: those of the client that it needs, then the real credential. Whatever credential the client sent
 * is gone. Uncompressed answers are asked for, since usage is read from them as they pass. Pure.
 */
export const upstreamHeaders = (client: Headers, credential: Credential): Headers => {
  const lowered: Headers = client.map(([name, value]) => [name.toLowerCase(), value]);
  const betas = betasOf(lowered, credential);
  return [
    ...lowered.filter(([name]) => isPassed(name)),
    ...(betas.length === 0 ? [] : ([["anthropic-beta", betas.join(",")]] satisfies Headers)),
    ["accept-encoding", "identity"],
    credential.kind === "api_key" ? ["x-api-key", credential.secret] : ["authorization", `Bearer ${credential.secret}`],
  ];
};
