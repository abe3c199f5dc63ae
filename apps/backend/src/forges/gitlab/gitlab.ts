import { z } from "zod";
import { type HostAccess, repositoryToShow } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { chosen } from "../search.ts";
import type { Forge, FoundRepository, GitHostCredential, RepositorySearch } from "../types.ts";
import { createGitLabClient, type GitLabApi, type GitLabClient, PAGES } from "./client.ts";
import { createGitLabFeedback } from "./feedback.ts";
import { createGitLabMergeRequests } from "./merge-requests.ts";

const Project = z.object({
  path_with_namespace: z.string(),
  default_branch: z.string().nullish(),
  http_url_to_repo: z.string(),
  archived: z.boolean().nullish(),
});

const fromAnswer = (answer: z.infer<typeof Project>): FoundRepository => ({
  repository: answer.path_with_namespace,
  defaultBranch: answer.default_branch ?? null,
  cloneUrl: answer.http_url_to_repo,
  isArchived: answer.archived ?? false,
});

const createRepositories = ({ read }: HostAccess, client: GitLabClient): RepositorySearch => {
  const listAll = async (api: GitLabApi, owner: string): Promise<unknown> => {
    try {
      return await api.groups.allProjects(owner, { includeSubgroups: true, ...PAGES });
    } catch (error) {
      if (!(error instanceof ForgeError) || error.kind !== "not_found") throw error;
      return api.users.allProjects(owner, PAGES);
    }
  };
  return {
    list: ({ owner, query, limit }, signal) =>
      unwrapped(async () => {
        const found = read(z.array(Project), await listAll(client.bind(signal), owner));
        return chosen(found.map(fromAnswer), { query, limit });
      }, signal),
  };
};

/** One GitLab. */
export const createGitLabForge = (access: HostAccess, credential: GitHostCredential | null): Forge => {
  const client = createGitLabClient(access, credential);
  return {
    kind: "gitlab",
    credential: async (address) => {
      if (credential?.kind !== "token" || repositoryToShow(access, address) === null) return null;
      // Any name will do beside a token, but for a deploy token, which has one of its own.
      return { username: credential.username ?? "oauth2", password: credential.token };
    },
    pullRequests: createGitLabMergeRequests(access, client),
    feedback: createGitLabFeedback(access, client),
    repositories: createRepositories(access, client),
  };
};
