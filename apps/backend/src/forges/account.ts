import githubAppJwt from "universal-github-app-jwt";
import { z } from "zod";
import { accessHost } from "./connection.ts";
import { ForgeError } from "./failure.ts";
import { FETCH_LIMITS, type FetchLimits } from "./host-fetch.ts";
import type { GitHostCredential, GitHostKind, GitHostSettings } from "./types.ts";

const name = z.string().min(1);
/** Whoever a credential belongs to: hosts call the name so or so. */
const Account = z.union([
  z.object({ login: name }).transform(({ login }) => login),
  z.object({ username: name }).transform(({ username }) => username),
  z.object({ nickname: name }).transform(({ nickname }) => nickname),
  z.object({ display_name: name }).transform(({ display_name }) => display_name),
  z.object({ slug: name }).transform(({ slug }) => slug),
  z.object({ name }).transform((app) => app.name),
]);

const SCHEMES = { github: "Bearer", gitlab: "Bearer", gitea: "token", bitbucket: "Bearer" } as const satisfies Record<
  GitHostKind,
  string
>;

const signedAs = async (kind: GitHostKind, credential: GitHostCredential): Promise<string> => {
  if (credential.kind === "app") {
    const signed = await githubAppJwt({ id: credential.appId, privateKey: credential.privateKey }).catch(() => {
      // The reason is left out: it could quote the key.
      throw new ForgeError("unauthorized", "The private key of the App cannot be used. Give the whole PEM file.");
    });
    return `Bearer ${signed.token}`;
  }
  const { username, token } = credential;
  if (kind === "bitbucket" && username !== null) return `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`;
  return `${SCHEMES[kind]} ${token}`;
};

/**
 * Asks a host whom it takes a credential's owner for. Throws a `ForgeError` when the host does not take it or cannot be reached: also
 * for a token that is no account's, as of a repository alone, which may still do its work.
 */
export const accountAt = async (
  settings: GitHostSettings & { credential: GitHostCredential },
  signal: AbortSignal,
  limits: Partial<FetchLimits> = {},
): Promise<string> => {
  const { kind, credential } = settings;
  const access = accessHost(settings, { ...FETCH_LIMITS, ...limits });
  const authorization = await signedAs(kind, credential);
  const fetch = access.fetch({ credential: { authorization }, signal, answer: "json" });
  const answer = await fetch(`${access.apiUrl}${credential.kind === "app" ? "/app" : "/user"}`, {
    headers: { accept: "application/json" },
  });
  return access.read(Account, await answer.json());
};
