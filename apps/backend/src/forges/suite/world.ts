import { parseRepository, type RepositoryAddress } from "@ccr/protocol";
import { commitNamed, type FakeForge, type FakeForgeOptions, type ForgeKind, startForge } from "@ccr/testkit";
import { createForges } from "../forges.ts";
import type { FetchLimits } from "../host-fetch.ts";
import type { Forge, GitHostCredential, NewPullRequest } from "../types.ts";

export const REPOSITORY = "acme/tools";
export const TIP = commitNamed("tip");

export const addressOf = (text: string): RepositoryAddress => {
  const parsed = parseRepository(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.address;
};

export const never = new AbortController().signal;

export interface World extends AsyncDisposable {
  host: FakeForge;
  forge: Forge;
  /** The same host with another credential. */
  as(credential: GitHostCredential | null): Forge;
}

// Short enough not to be waited for, and long enough for two busy cores.
const LIMITS: Partial<FetchLimits> = { retryGapMs: 1 };

/** A fake host with one repository in which `work` and `other` are branches, and the forge that talks to it. */
export const startWorld = async (
  kind: ForgeKind,
  { limits = {}, ...options }: Partial<FakeForgeOptions> & { limits?: Partial<FetchLimits> } = {},
): Promise<World> => {
  const branches = { main: commitNamed("base"), work: TIP, other: commitNamed("other") };
  const host = await startForge(kind, {
    repositories: [{ path: REPOSITORY, branches, labels: ["bug"] }],
    users: ["ada", "grace"],
    ...options,
  });
  const as = (credential: GitHostCredential | null): Forge => {
    const forges = createForges([{ host: host.host, kind, apiUrl: host.apiUrl, credential }], { ...LIMITS, ...limits });
    const found = forges.find(addressOf(`${host.url}/${REPOSITORY}.git`));
    if (found === null) throw new Error("the host was not found");
    return found.forge;
  };
  return {
    host,
    as,
    forge: as({ kind: "token", username: null, token: host.token }),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
};

export const wanted = (given: Partial<NewPullRequest> = {}): NewPullRequest => ({
  repository: REPOSITORY,
  title: "Add a thing",
  body: "It was missing.",
  headBranch: "work",
  baseBranch: "main",
  draft: false,
  reviewers: [],
  labels: [],
  ...given,
});

/** What went wrong; throws when nothing did. */
export const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it should have failed");
};
