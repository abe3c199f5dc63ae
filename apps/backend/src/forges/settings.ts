import type { RepositoryAddress } from "@ccr/protocol";
import { ForgeError } from "./failure.ts";
import type { GitHostSettings } from "./types.ts";

const API_PATHS = { github: "/api/v3", gitlab: "/api/v4", gitea: "/api/v1", bitbucket: "/2.0" } as const;

/** Where a host's API is, without a slash at its end. Pure. */
export const apiUrlOf = ({ host, kind, apiUrl }: Pick<GitHostSettings, "host" | "kind" | "apiUrl">): string => {
  if (apiUrl !== null) return apiUrl.replace(/\/+$/, "");
  if (host === "github.com" || (kind === "github" && host.endsWith(".ghe.com"))) return `https://api.${host}`;
  if (host === "bitbucket.org") return "https://api.bitbucket.org/2.0";
  return `https://${host}${API_PATHS[kind]}`;
};

/** What must not be shown of a host's settings. Pure. */
export const secretsOf = ({ credential }: GitHostSettings): string[] => {
  if (credential === null) return [];
  if (credential.kind === "app") return [credential.privateKey];
  const { username, token } = credential;
  return username === null ? [token] : [token, Buffer.from(`${username}:${token}`).toString("base64")];
};

/** The two parts of `owner/name`; throws a `ForgeError` for a path of any other form. */
export const splitRepository = (host: string, repository: string): { owner: string; repo: string } => {
  const [owner = "", repo = "", ...rest] = repository.split("/");
  if (owner === "" || repo === "" || rest.length > 0)
    throw new ForgeError(
      "not_found",
      `${host} has no repository '${repository.slice(0, 200)}': a repository there is owner/name.`,
    );
  return { owner, repo };
};

/** A repository's path on its host, from the address that git uses; what lies before a host's API lies before its repositories too. Pure. */
export const repositoryPathOf = (address: Exclude<RepositoryAddress, { transport: "local" }>, apiUrl: string): string => {
  const scp = address.url.includes("://") ? null : address.url.slice(address.url.indexOf(":") + 1);
  const path = (scp ?? decodeURIComponent(new URL(address.url).pathname)).replace(/^\/+|\/+$/g, "").replace(/\.git$/, "");
  const root = /^\/(.+)\/api\/v\d$/.exec(new URL(apiUrl).pathname)?.[1];
  return address.transport !== "ssh" && root !== undefined && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
};
