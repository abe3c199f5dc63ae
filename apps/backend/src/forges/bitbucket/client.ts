import { createBitbucketCloudClient } from "@coderabbitai/bitbucket/cloud";
import { z } from "zod";
import { followPages } from "../answers.ts";
import type { HostAccess } from "../connection.ts";
import { splitRepository } from "../settings.ts";
import type { GitHostCredential } from "../types.ts";

/** A client with Bitbucket's own document as its types. */
export type BitbucketApi = ReturnType<typeof createBitbucketCloudClient>;

export interface BitbucketClient {
  bind(signal: AbortSignal): BitbucketApi;
  /** A repository's name as the routes take it. */
  at(repository: string): { workspace: string; repo_slug: string };
  /** All of a list that begins with a page; the addresses of the others stand in the pages. */
  readPages<T>(first: Promise<{ data?: unknown }>, item: z.ZodType<T>, signal: AbortSignal): Promise<T[]>;
  /** The text behind a path of the API, as far as logs are kept. */
  readLog(path: string, signal: AbortSignal): Promise<string>;
}

const headersOf = (credential: GitHostCredential | null): Record<string, string> => {
  if (credential?.kind !== "token") return {};
  const { username, token } = credential;
  return {
    authorization: username === null ? `Bearer ${token}` : `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`,
  };
};

const JsonPage = z.object({ values: z.array(z.unknown()), next: z.string().nullish() });

/** Talks to Bitbucket Cloud. */
export const createBitbucketClient = (access: HostAccess, credential: GitHostCredential | null): BitbucketClient => {
  const headers = headersOf(credential);
  const fetchWith = (signal: AbortSignal, answer: "json" | "log") => access.fetch({ credential: headers, signal, answer });
  return {
    bind: (signal) => {
      const fetch = fetchWith(signal, "json");
      return createBitbucketCloudClient({ baseUrl: access.apiUrl, fetch: (request) => fetch(request) });
    },
    at: (repository) => {
      const { owner, repo } = splitRepository(access.host, repository);
      return { workspace: owner, repo_slug: repo };
    },
    readPages: async (first, item, signal) => {
      const fetch = fetchWith(signal, "json");
      let next: string | null = null;
      return followPages(async (page) => {
        const data: unknown = page === 1 || next === null ? (await first).data : await (await fetch(next)).json();
        const read = access.read(JsonPage, data);
        next = read.next ?? null;
        return { items: access.read(z.array(item), read.values), hasMore: next !== null };
      });
    },
    readLog: async (path, signal) => (await fetchWith(signal, "log")(`${access.apiUrl}${path}`)).text(),
  };
};

/** A query that the document tells of in its introduction alone, for which the types have no place. */
export const withQuery = (query: Readonly<Record<string, string>>) => ({
  querySerializer: () => new URLSearchParams(query).toString(),
});

/** A text within a filter. */
export const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

export const Account = z.object({
  uuid: z.string().nullish(),
  type: z.string().nullish(),
  nickname: z.string().nullish(),
  display_name: z.string().nullish(),
  account_id: z.string().nullish(),
});
