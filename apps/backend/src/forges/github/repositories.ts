import { z } from "zod";
import { followPages, type Page } from "../answers.ts";
import type { HostAccess } from "../connection.ts";
import { ForgeError, unwrapped } from "../failure.ts";
import { chosen } from "../search.ts";
import type { FoundRepository, RepositorySearch } from "../types.ts";
import { type GitHubClient, type GitHubRequest, pageOf } from "./client.ts";

const Repository = z.object({
  full_name: z.string(),
  default_branch: z.string().nullish(),
  clone_url: z.string(),
  archived: z.boolean().nullish(),
});
const Account = z.object({ login: z.string() });

const fromAnswer = (answer: z.infer<typeof Repository>): FoundRepository => ({
  repository: answer.full_name,
  defaultBranch: answer.default_branch ?? null,
  cloneUrl: answer.clone_url,
  isArchived: answer.archived ?? false,
});

/** The repositories of one GitHub. */
export const createGitHubRepositories = (access: HostAccess, client: GitHubClient): RepositorySearch => {
  const pageFrom = (answer: { data: unknown; headers: { link?: string | undefined } }): Page<FoundRepository> =>
    pageOf(access.read(z.array(Repository), answer.data).map(fromAnswer), answer.headers);

  /** Whether the token is this user's own, who has private repositories that nobody else is shown. */
  const isOwn = async (api: GitHubRequest, owner: string): Promise<boolean> => {
    try {
      const { data } = await unwrapped(() => api("GET /user"));
      return access.read(Account, data).login.toLowerCase() === owner.toLowerCase();
    } catch (error) {
      // An App is no user, and nor is nobody.
      if (error instanceof ForgeError && (error.kind === "forbidden" || error.kind === "unauthorized")) return false;
      throw error;
    }
  };

  const listAll = async (api: GitHubRequest, owner: string): Promise<FoundRepository[]> => {
    try {
      return await unwrapped(() =>
        followPages(async (page) =>
          pageFrom(await api("GET /orgs/{org}/repos", { org: owner, type: "all", per_page: 100, page })),
        ),
      );
    } catch (error) {
      if (!(error instanceof ForgeError) || error.kind !== "not_found") throw error;
    }
    if (await isOwn(api, owner))
      return followPages(async (page) => pageFrom(await api("GET /user/repos", { affiliation: "owner", per_page: 100, page })));
    return followPages(async (page) =>
      pageFrom(await api("GET /users/{username}/repos", { username: owner, per_page: 100, page })),
    );
  };

  return {
    list: ({ owner, query, limit }, signal) =>
      unwrapped(async () => chosen(await listAll(await client.ofOwner(owner, signal), owner), { query, limit }), signal),
  };
};
