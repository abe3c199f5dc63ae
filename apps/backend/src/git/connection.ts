import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RepositoryAddress } from "@ccr/protocol";
import { checkHost, type Resolve } from "./addresses.ts";
import type { FindCredential } from "./credentials.ts";
import { gitEnvironment, usesProxy } from "./environment.ts";
import { MirrorError } from "./failure.ts";
import { type LocalRepository, localSettings } from "./local.ts";
import { findRedirect } from "./redirects.ts";

/** What every connection needs besides its address. */
export interface ConnectionOptions {
  /** Where files may be kept while it lasts. */
  folder: string;
  credential: FindCredential;
  server: Readonly<Record<string, string | undefined>>;
  resolve: Resolve;
  stallSeconds: number;
}

/** All that git needs to fetch from, or push to, a repository that was checked. Disposing removes what was written for it. */
export interface Connection extends AsyncDisposable {
  readonly address: RepositoryAddress;
  /** What git is told to fetch from or push to. */
  readonly source: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What must not stand in anything that is told of it. */
  readonly secrets: readonly string[];
  /** The connection to the place to which the server redirects; null when it redirects to nowhere that may be used. */
  redirected(signal: AbortSignal): Promise<Connection | null>;
}

const connectLocal = async (
  address: Extract<RepositoryAddress, { transport: "local" }>,
  local: LocalRepository,
  options: ConnectionOptions,
): Promise<Connection> => {
  const globalConfig = join(options.folder, `.unfinished-${randomUUID()}`);
  await writeFile(globalConfig, localSettings(local), { mode: 0o600 });
  return {
    address,
    source: local.path,
    environment: gitEnvironment({ ...options, address, pinned: [], credential: null, globalConfig }),
    secrets: [],
    redirected: async () => null,
    [Symbol.asyncDispose]: () => rm(globalConfig, { force: true }),
  };
};

/**
 * Checks where a repository's host is and pins what was found, so that the address that is dialled is the one that was checked. Throws a
 * `MirrorError` when it may not be used. Behind a proxy a name that does not resolve here is left to the proxy.
 */
export const connect = async (
  target: { address: RepositoryAddress; local: LocalRepository | null },
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<Connection> => {
  const { address, local } = target;
  if (address.transport === "local") {
    if (local === null) throw new MirrorError("repository_unreachable", `${address.display} was not checked.`);
    return connectLocal(address, local, options);
  }
  const addresses = await checkHost(address.host, options.resolve);
  const proxied = usesProxy(address, options.server);
  // An ssh host may be an alias of the server's ssh settings, which alone know where it is; it cannot be pinned there either.
  if (addresses.length === 0 && !proxied && address.transport !== "ssh") {
    throw new MirrorError(
      "repository_unreachable",
      `The host ${address.host} of ${address.display} is not known: its name has no address.`,
    );
  }
  const pinned = proxied ? [] : addresses;
  const credential = await options.credential(address, signal);
  return {
    address,
    source: address.url,
    environment: gitEnvironment({ ...options, address, pinned, credential, globalConfig: null }),
    secrets: credential === null ? [] : [credential.password],
    redirected: async (until) => {
      if (address.transport === "ssh" || proxied) return null;
      const next = await findRedirect(address, pinned, until);
      return next === null ? null : connect({ address: next, local: null }, options, until);
    },
    [Symbol.asyncDispose]: async () => {},
  };
};
