import { Api } from "gitea-js";
import { z } from "zod";
import type { Page } from "../answers.ts";
import type { HostAccess } from "../connection.ts";
import { splitRepository } from "../settings.ts";
import type { GitHostCredential } from "../types.ts";

/** Gitea's client, bound to one host, one credential and one signal. */
export type GiteaApi = Api<unknown>;

/** What Gitea's client takes as the first two arguments of what it does in a repository. */
export type GiteaAt = readonly [owner: string, repo: string];

export interface GiteaClient {
  bind(signal: AbortSignal): GiteaApi;
  /** A repository's name, made fit for the path of a URL, which the client does not do. */
  at(repository: string): GiteaAt;
  /** The text behind a path of the API, as far as logs are kept. */
  readLog(path: string, signal: AbortSignal): Promise<string>;
}

/** A host gives no more at once than this, unless its admin says so. */
export const PAGE_SIZE = 50;

/** Talks to one Gitea or Forgejo. */
export const createGiteaClient = (access: HostAccess, credential: GitHostCredential | null): GiteaClient => {
  const headers: Record<string, string> = credential?.kind === "token" ? { authorization: `token ${credential.token}` } : {};
  return {
    bind: (signal) =>
      new Api({
        baseUrl: access.apiUrl,
        customFetch: access.fetch({ credential: headers, signal, answer: "json" }),
        baseApiParams: { format: "json", headers: { accept: "application/json" } },
      }),
    at: (repository) => {
      const { owner, repo } = splitRepository(access.host, repository);
      return [encodeURIComponent(owner), encodeURIComponent(repo)];
    },
    readLog: async (path, signal) =>
      (await access.fetch({ credential: headers, signal, answer: "log" })(`${access.apiUrl}${path}`)).text(),
  };
};

/** A list, which may be written as nothing when it is empty. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** One page of a list; hosts say in one of two headers whether more come. Pure. */
export const pageOf = <T>(items: T[], page: number, headers: Headers): Page<T> => {
  const link = headers.get("link");
  const total = headers.get("x-total-count");
  if (link !== null) return { items, hasMore: link.includes('rel="next"') };
  return { items, hasMore: items.length > 0 && page * items.length < Number(total ?? 0) };
};
