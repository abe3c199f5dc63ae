import type { RepositoryAddress } from "@ccr/protocol";
import { createReader, type ReadAnswer } from "./answers.ts";
import { createHostFetch, type FetchLimits, type HostCall, type HostFetch, isPrivateUrl } from "./host-fetch.ts";
import { apiUrlOf, repositoryPathOf, secretsOf } from "./settings.ts";
import type { GitHostSettings } from "./types.ts";

/** What every kind of forge is built on. */
export interface HostAccess {
  /** For sentences. */
  host: string;
  apiUrl: string;
  read: ReadAnswer;
  fetch(call: HostCall): HostFetch;
  /** A repository's path on this host. */
  pathOf(address: Exclude<RepositoryAddress, { transport: "local" }>): string;
}

/** Prepares the calls to a host; none is made yet. */
export const accessHost = (settings: GitHostSettings, limits: FetchLimits): HostAccess => {
  const { host } = settings;
  const apiUrl = apiUrlOf(settings);
  return {
    host,
    apiUrl,
    read: createReader(host),
    fetch: createHostFetch({ host, apiUrl, secrets: secretsOf(settings), limits }),
    pathOf: (address) => repositoryPathOf(address, apiUrl),
  };
};

/** The repository for which git may show a credential to an address: over TLS, or to this machine. Null: it may not. Pure. */
export const repositoryToShow = (access: HostAccess, address: RepositoryAddress): string | null =>
  (address.transport === "https" || address.transport === "http") && isPrivateUrl(new URL(address.url))
    ? access.pathOf(address)
    : null;
