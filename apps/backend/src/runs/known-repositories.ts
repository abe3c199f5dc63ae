import { CcrError, type KnownRepository, parseRepository, type RepositoryAddress, type RepositoryBranches } from "@ccr/protocol";
import type { Store } from "../store/types.ts";
import type { Repositories } from "./types.ts";

/** The short way in which people write a repository: `owner/name` where it is on GitHub. Pure. */
export const shortName = (repository: string): string => {
  const [, name] = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(repository) ?? [];
  return name ?? repository;
};

/** What is known of repositories: from runs and environments, and from their hosts. */
export const createRepositories = (
  store: Pick<Store, "listing" | "environments">,
  hosts: {
    search: Repositories["search"];
    branches: { list(address: RepositoryAddress, signal: AbortSignal): Promise<RepositoryBranches> };
  },
): Repositories => ({
  search: hosts.search,

  async recent() {
    const [used, defaults] = await Promise.all([store.listing.repositories(), store.environments.listDefaults()]);
    const known = new Map<string, KnownRepository>(used.map((each) => [shortName(each.repository), each]));
    for (const { repository } of defaults) {
      const name = shortName(repository);
      if (!known.has(name)) known.set(name, { repository: name, lastUsedAt: null });
    }
    return [...known.values()];
  },

  async branches(repository, signal) {
    const parsed = parseRepository(repository);
    if (!parsed.ok) throw new CcrError("bad_request", `repository: ${parsed.message}.`);
    return hosts.branches.list(parsed.address, signal);
  },
});
