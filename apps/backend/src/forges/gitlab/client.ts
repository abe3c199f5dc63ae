import { Commits, Groups, MergeRequestNotes, MergeRequests, Projects, Users } from "@gitbeaker/core";
import { type BaseResourceOptions, createRequesterFn } from "@gitbeaker/requester-utils";
import { z } from "zod";
import type { HostAccess } from "../connection.ts";
import type { GitHostCredential } from "../types.ts";

/** GitLab's client, bound to one host, one credential and one signal. */
export interface GitLabApi {
  mergeRequests: MergeRequests;
  notes: MergeRequestNotes;
  commits: Commits;
  projects: Projects;
  groups: Groups;
  users: Users;
}

export interface GitLabClient {
  bind(signal: AbortSignal): GitLabApi;
  /** The text behind a path of the API, as far as logs are kept. */
  readLog(path: string, signal: AbortSignal): Promise<string>;
}

/** How lists are asked for; the client follows their pages by itself. */
export const PAGES = { perPage: 100, maxPages: 50 } as const;

const API_PATH = /\/api\/v4$/;

/** What the client hands to whoever makes its requests. */
const Wanted = z.object({
  method: z.string(),
  prefixUrl: z.string(),
  searchParams: z.string().optional(),
  body: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

/** Talks to one GitLab. The client's own requests are replaced: they follow redirects with the token, and repeat what they should not. */
export const createGitLabClient = (access: HostAccess, credential: GitHostCredential | null): GitLabClient => {
  const headers: Record<string, string> = credential?.kind === "token" ? { authorization: `Bearer ${credential.token}` } : {};

  const optionsFor = (signal: AbortSignal): BaseResourceOptions<false> => {
    const fetch = access.fetch({ credential: headers, signal, answer: "json" });
    const requesterFn = createRequesterFn(
      async (_, wanted) => wanted,
      async (endpoint, options) => {
        const { method, prefixUrl, searchParams, body, headers: given } = Wanted.parse(options);
        const query = searchParams === undefined ? "" : `?${searchParams}`;
        const url = `${prefixUrl.replace(/\/$/, "")}/${endpoint}${query}`;
        const response = await fetch(url, { method, ...(given && { headers: given }), ...(body !== undefined && { body }) });
        const text = await response.text();
        return {
          body: text === "" ? "" : JSON.parse(text),
          headers: Object.fromEntries(response.headers),
          status: response.status,
        };
      },
    );
    return { host: access.apiUrl.replace(API_PATH, ""), requesterFn, queryTimeout: null, rateLimits: {} };
  };

  return {
    bind: (signal) => {
      const options = optionsFor(signal);
      return {
        mergeRequests: new MergeRequests(options),
        notes: new MergeRequestNotes(options),
        commits: new Commits(options),
        projects: new Projects(options),
        groups: new Groups(options),
        users: new Users(options),
      };
    },
    readLog: async (path, signal) =>
      (await access.fetch({ credential: headers, signal, answer: "log" })(`${access.apiUrl}${path}`)).text(),
  };
};
