import githubAppJwt from "universal-github-app-jwt";
import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { splitRepository } from "../settings.ts";
import type { GitHostCredential } from "../types.ts";
import { bindRequest } from "./client.ts";

/** The token to show for what is done; null when there is no credential. */
export interface GitHubTokens {
  forRepository(repository: string, signal: AbortSignal): Promise<string | null>;
  forOwner(owner: string, signal: AbortSignal): Promise<string | null>;
}

const Installation = z.object({ id: z.number().int() });
const AccessToken = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

// A push can take a while after it was given its token.
const SPARE_MS = 10 * 60_000;
const KEPT_MAX = 1_000;

/** The tokens of a GitHub App: for each repository one that opens it alone, kept until shortly before it expires. */
const createAppTokens = (access: HostAccess, app: { appId: string; privateKey: string }): GitHubTokens => {
  const kept = new Map<string, { token: string; until: number }>();

  const signIn = async (): Promise<string> => {
    try {
      return (await githubAppJwt({ id: app.appId, privateKey: app.privateKey })).token;
    } catch {
      // The reason is left out: it could quote the key.
      throw new ForgeError(
        "unauthorized",
        `The private key of the GitHub App for ${access.host} cannot be used. Give the whole PEM file.`,
      );
    }
  };

  const make = async (of: { path: string; repositories: string[] | null; what: string }, signal: AbortSignal) => {
    const credential = { authorization: `Bearer ${await signIn()}` };
    const fetch = access.fetch({ credential, signal, answer: "json" });
    const api = bindRequest(access.apiUrl, { fetch });
    try {
      const found = await unwrapped(() => api(`GET ${of.path}`));
      const made = await unwrapped(async () =>
        api("POST /app/installations/{installation_id}/access_tokens", {
          installation_id: access.read(Installation, found.data).id,
          ...(of.repositories === null ? {} : { repositories: of.repositories }),
        }),
      );
      return access.read(AccessToken, made.data);
    } catch (error) {
      if (!(error instanceof ForgeError) || error.kind !== "not_found") throw error;
      const text = `The GitHub App is not installed for ${of.what} on ${access.host}. Install it there, or give a token instead.`;
      throw new ForgeError("not_found", text, { status: 404, said: error.said });
    }
  };

  const remember = async (key: string, make: () => Promise<z.infer<typeof AccessToken>>): Promise<string> => {
    const found = kept.get(key);
    if (found !== undefined && found.until > Date.now()) return found.token;
    const made = await make();
    const [oldest] = kept.keys();
    if (kept.size >= KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    kept.set(key, { token: made.token, until: Date.parse(made.expires_at) - SPARE_MS });
    return made.token;
  };

  return {
    forRepository: (repository, signal) =>
      remember(repository, () => {
        const { owner, repo } = splitRepository(access.host, repository);
        const path = `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(repo)}/installation`;
        return make({ path, repositories: [repo], what: repository }, signal);
      }),
    forOwner: (owner, signal) =>
      remember(owner, async () => {
        const of = (kind: string) => ({
          path: `/${kind}/${encodeURIComponent(owner)}/installation`,
          repositories: null,
          what: owner,
        });
        try {
          return await make(of("orgs"), signal);
        } catch (error) {
          if (!(error instanceof ForgeError) || error.kind !== "not_found") throw error;
          return make(of("users"), signal);
        }
      }),
  };
};

/** Gives out the tokens of a credential: a person's own, or those of a GitHub App. */
export const createGitHubTokens = (access: HostAccess, credential: GitHostCredential | null): GitHubTokens => {
  if (credential?.kind === "app") return createAppTokens(access, credential);
  const token = credential?.token ?? null;
  return { forRepository: async () => token, forOwner: async () => token };
};
