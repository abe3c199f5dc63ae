import { type HostAccess, repositoryToShow } from "../connection.ts";
import type { Forge, GitHostCredential } from "../types.ts";
import { createGitHubClient } from "./client.ts";
import { createGitHubFeedback } from "./feedback.ts";
import { createGitHubPullRequests } from "./pull-requests.ts";
import { createGitHubRepositories } from "./repositories.ts";
import { createGitHubTokens } from "./tokens.ts";

/** One GitHub: github.com, or an Enterprise server. */
export const createGitHubForge = (access: HostAccess, credential: GitHostCredential | null): Forge => {
  const tokens = createGitHubTokens(access, credential);
  const client = createGitHubClient(access, tokens);
  return {
    kind: "github",
    credential: async (address, signal) => {
      const repository = repositoryToShow(access, address);
      const token = repository === null ? null : await tokens.forRepository(repository, signal);
      return token === null ? null : { username: "x-access-token", password: token };
    },
    pullRequests: createGitHubPullRequests(access, client),
    feedback: createGitHubFeedback(access, client),
    repositories: createGitHubRepositories(access, client),
  };
};
