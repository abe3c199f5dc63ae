import { z } from "zod";
import { inOrder, isBotName } from "../comments.ts";
import { type HostAccess, repositoryToShow } from "../connection.ts";
import { unwrapped } from "../failure.ts";
import { chosen } from "../search.ts";
import type { Feedback, Forge, ForgeComment, FoundRepository, GitHostCredential, RepositorySearch } from "../types.ts";
import { createBitbucketChecks } from "./checks.ts";
import { Account, type BitbucketClient, createBitbucketClient, quoted, withQuery } from "./client.ts";
import { createBitbucketPullRequests } from "./pull-requests.ts";

const Comment = z.object({
  id: z.number().int(),
  user: Account.nullish(),
  content: z.object({ raw: z.string().nullish() }).nullish(),
  inline: z.object({ path: z.string(), to: z.number().int().nullish(), from: z.number().int().nullish() }).nullish(),
  created_on: z.string(),
  deleted: z.boolean().nullish(),
  pending: z.boolean().nullish(),
  links: z.object({ html: z.object({ href: z.string() }) }),
});
const Repository = z.object({
  full_name: z.string(),
  mainbranch: z.object({ name: z.string() }).nullish(),
  links: z.object({ clone: z.array(z.object({ name: z.string(), href: z.string() })) }),
});

const fromComment = (answer: z.infer<typeof Comment>): ForgeComment => {
  const author = answer.user?.nickname ?? answer.user?.display_name ?? "ghost";
  return {
    id: String(answer.id),
    author,
    isBot: answer.user?.type === "app_user" || isBotName(author),
    body: answer.content?.raw ?? "",
    path: answer.inline?.path ?? null,
    line: answer.inline?.to ?? answer.inline?.from ?? null,
    at: answer.created_on,
    url: answer.links.html.href,
  };
};

/** An address without the name of whoever asked for it. */
const withoutUser = (href: string): string => {
  const url = URL.parse(href);
  if (url === null) return href;
  url.username = "";
  url.password = "";
  return url.href;
};

const fromRepository = (answer: z.infer<typeof Repository>): FoundRepository => ({
  repository: answer.full_name,
  defaultBranch: answer.mainbranch?.name ?? null,
  cloneUrl: withoutUser(answer.links.clone.find(({ name }) => name === "https" || name === "http")?.href ?? ""),
  // Bitbucket archives nothing.
  isArchived: false,
});

const createFeedback = (access: HostAccess, client: BitbucketClient): Feedback => {
  const route = "/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/comments";
  return {
    ciChecks: createBitbucketChecks(client),
    comments: ({ repository, number }, signal) =>
      unwrapped(async () => {
        const params = { path: { ...client.at(repository), pull_request_id: number } };
        const first = client.bind(signal).GET(route, { params, ...withQuery({ pagelen: "100" }) });
        const found = await client.readPages(first, Comment, signal);
        return inOrder(found.filter(({ deleted, pending }) => !deleted && !pending).map(fromComment));
      }, signal),
    comment: ({ repository, number, body }, signal) =>
      unwrapped(async () => {
        const params = { path: { ...client.at(repository), pull_request_id: number } };
        const said = { type: "pullrequest_comment", content: { raw: body } } as const;
        return fromComment(access.read(Comment, (await client.bind(signal).POST(route, { params, body: said })).data));
      }, signal),
  };
};

const createRepositories = (client: BitbucketClient): RepositorySearch => ({
  list: ({ owner, query, limit }, signal) =>
    unwrapped(async () => {
      const filter: Record<string, string> = query === null ? {} : { q: `name ~ ${quoted(query.trim())}` };
      const first = client.bind(signal).GET("/repositories/{workspace}", {
        params: { path: { workspace: owner } },
        ...withQuery({ pagelen: "100", ...filter }),
      });
      return chosen((await client.readPages(first, Repository, signal)).map(fromRepository), { query, limit });
    }, signal),
});

/** The name that git gives beside a token: an account's own token is used under a name of its own, not under its address. */
const usernameFor = (username: string | null): string => {
  if (username === null) return "x-token-auth";
  return username.includes("@") ? "x-bitbucket-api-token-auth" : username;
};

/** Bitbucket Cloud. */
export const createBitbucketForge = (access: HostAccess, credential: GitHostCredential | null): Forge => {
  const client = createBitbucketClient(access, credential);
  return {
    kind: "bitbucket",
    credential: async (address) => {
      if (credential?.kind !== "token" || repositoryToShow(access, address) === null) return null;
      return { username: usernameFor(credential.username), password: credential.token };
    },
    pullRequests: createBitbucketPullRequests(access, client),
    feedback: createFeedback(access, client),
    repositories: createRepositories(client),
  };
};
