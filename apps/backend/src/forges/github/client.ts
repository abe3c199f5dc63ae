import { request } from "@octokit/request";
import type { Page } from "../answers.ts";
import type { HostAccess } from "../connection.ts";
import { splitRepository } from "../settings.ts";
import type { GitHubTokens } from "./tokens.ts";

/** GitHub's client, bound to one host, one credential and one signal. */
export type GitHubRequest = typeof request;

export interface GitHubClient {
  /** A client that may do what the credential may do in one repository, and the repository's name as GitHub's routes take it. */
  of(repository: string, signal: AbortSignal): Promise<{ api: GitHubRequest; at: { owner: string; repo: string } }>;
  /** A client that sees the repositories of one owner. */
  ofOwner(owner: string, signal: AbortSignal): Promise<GitHubRequest>;
  /** The text behind a path of the API, as far as logs are kept. */
  readLog(of: { repository: string; path: string }, signal: AbortSignal): Promise<string>;
}

/** GitHub's client with a `fetch` of ours. */
export const bindRequest = (apiUrl: string, fetch: Parameters<GitHubRequest["defaults"]>[0]["request"]): GitHubRequest =>
  request.defaults({
    baseUrl: apiUrl,
    headers: { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" },
    ...(fetch === undefined ? {} : { request: fetch }),
  });

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const headersOf = (token: string | null): Record<string, string> => (token === null ? {} : { authorization: `Bearer ${token}` });

/** Talks to one GitHub, with the tokens that it is given for each call. */
export const createGitHubClient = (access: HostAccess, tokens: GitHubTokens): GitHubClient => {
  const bind = (token: string | null, signal: AbortSignal): GitHubRequest =>
    bindRequest(access.apiUrl, { fetch: access.fetch({ credential: headersOf(token), signal, answer: "json" }), log: silent });
  return {
    of: async (repository, signal) => {
      const at = splitRepository(access.host, repository);
      return { api: bind(await tokens.forRepository(repository, signal), signal), at };
    },
    ofOwner: async (owner, signal) => bind(await tokens.forOwner(owner, signal), signal),
    readLog: async ({ repository, path }, signal) => {
      const credential = headersOf(await tokens.forRepository(repository, signal));
      const response = await access.fetch({ credential, signal, answer: "log" })(`${access.apiUrl}${path}`);
      return response.text();
    },
  };
};

/** A page of GitHub's, which says in a header whether more come. Pure. */
export const pageOf = <T>(items: T[], headers: { link?: string | undefined }): Page<T> => ({
  items,
  hasMore: headers.link?.includes('rel="next"') ?? false,
});
