import type { RepositoryAddress } from "@ccr/protocol";
import { createBitbucketForge } from "./bitbucket/bitbucket.ts";
import { accessHost } from "./connection.ts";
import { createGiteaForge } from "./gitea/gitea.ts";
import { createGitHubForge } from "./github/github.ts";
import { createGitLabForge } from "./gitlab/gitlab.ts";
import { FETCH_LIMITS, type FetchLimits } from "./host-fetch.ts";
import type { Forge, Forges, GitHostSettings, RepositoryPath } from "./types.ts";

const createForge = (settings: GitHostSettings, access: ReturnType<typeof accessHost>): Forge => {
  switch (settings.kind) {
    case "github":
      return createGitHubForge(access, settings.credential);
    case "gitea":
      return createGiteaForge(access, settings.credential);
    case "bitbucket":
      return createBitbucketForge(access, settings.credential);
    case "gitlab":
      return createGitLabForge(access, settings.credential);
  }
};

type Reachable = Exclude<RepositoryAddress, { transport: "local" }>;

/** Whether a host is the one of an address. The port of ssh is another than the web's, so that it says nothing. */
const isHostOf = ({ host }: GitHostSettings, address: Reachable): boolean => {
  const { hostname, port } = new URL(`https://${host}`);
  if (hostname !== address.host) return false;
  if (address.transport === "ssh") return true;
  const usual = address.transport === "https" ? 443 : 80;
  return port === "" ? address.port === usual : address.port === Number(port);
};

/** Prepares the hosts that are configured; none is called yet. Of two for one address the first counts. */
export const createForges = (settings: readonly GitHostSettings[], limits: Partial<FetchLimits> = {}): Forges => {
  const known = settings.map((host) => {
    const access = accessHost(host, { ...FETCH_LIMITS, ...limits });
    return { host, access, forge: createForge(host, access) };
  });

  const find = (address: RepositoryAddress): { forge: Forge; repository: RepositoryPath } | null => {
    if (address.transport === "local") return null;
    const found = known.find(({ host }) => isHostOf(host, address));
    return found === undefined ? null : { forge: found.forge, repository: found.access.pathOf(address) };
  };

  return {
    find,
    credential: async (address, signal) => (await find(address)?.forge.credential(address, signal)) ?? null,
  };
};
