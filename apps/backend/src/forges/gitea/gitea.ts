import { z } from "zod";
import { followPages } from "../answers.ts";
import { type HostAccess, repositoryToShow } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { chosen } from "../search.ts";
import type { Forge, FoundRepository, GitHostCredential, RepositorySearch } from "../types.ts";
import { createGiteaClient, type GiteaApi, type GiteaClient, listOf, PAGE_SIZE, pageOf } from "./client.ts";
import { createGiteaFeedback } from "./feedback.ts";
import { createGiteaPullRequests } from "./pull-requests.ts";

const Repository = z.object({
  full_name: z.string(),
  default_branch: z.string().nullish(),
  empty: z.boolean().nullish(),
  clone_url: z.string(),
  archived: z.boolean().nullish(),
});

const fromAnswer = (answer: z.infer<typeof Repository>): FoundRepository => ({
  repository: answer.full_name,
  defaultBranch: answer.empty ? null : answer.default_branch || null,
  cloneUrl: answer.clone_url,
  isArchived: answer.archived ?? false,
});

const createRepositories = ({ read }: HostAccess, client: GiteaClient): RepositorySearch => {
  type FetchPage = (query: { page: number; limit: number }) => Promise<{ data: unknown; headers: Headers }>;
  const listWith = (fetchPage: FetchPage) =>
    followPages(async (page) => {
      const { data, headers } = await fetchPage({ page, limit: PAGE_SIZE });
      return pageOf(read(listOf(Repository), data).map(fromAnswer), page, headers);
    });

  const listAll = async (api: GiteaApi, owner: string): Promise<FoundRepository[]> => {
    try {
      return await listWith((query) => api.orgs.orgListRepos(owner, query));
    } catch (error) {
      if (!(error instanceof ForgeError) || error.kind !== "not_found") throw error;
      return listWith((query) => api.users.userListRepos(owner, query));
    }
  };

  return {
    list: ({ owner, query, limit }, signal) =>
      unwrapped(async () => chosen(await listAll(client.bind(signal), encodeURIComponent(owner)), { query, limit }), signal),
  };
};

/** One Gitea or Forgejo. */
export const createGiteaForge = (access: HostAccess, credential: GitHostCredential | null): Forge => {
  const client = createGiteaClient(access, credential);
  return {
    kind: "gitea",
    credential: async (address) => {
      if (credential?.kind !== "token" || repositoryToShow(access, address) === null) return null;
      // Any name will do beside a token.
      return { username: credential.username ?? "oauth2", password: credential.token };
    },
    pullRequests: createGiteaPullRequests(access, client),
    feedback: createGiteaFeedback(access, client),
    repositories: createRepositories(access, client),
  };
};
