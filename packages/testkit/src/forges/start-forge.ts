import { createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { createFakeBitbucket } from "./bitbucket.ts";
import type { ForgeFault } from "./fault.ts";
import { createFakeGitea } from "./gitea.ts";
import { createFakeGitHub } from "./github.ts";
import { createFakeGitLab } from "./gitlab.ts";
import type { FakeHost, HostParts } from "./host.ts";
import { type ForgeRequest, startHostServer } from "./server.ts";
import {
  addComment,
  addPullRequest,
  createState,
  type ForgeCheck,
  type ForgePullRequest,
  type ForgeRepository,
  type ForgeRepositoryOptions,
  type NewForgeComment,
} from "./state.ts";

export type ForgeKind = "github" | "gitlab" | "gitea" | "bitbucket";

export interface FakeForgeOptions {
  repositories: readonly ForgeRepositoryOptions[];
  /** People who can be asked to review; `ada` when left out. On GitHub these names are no organisations. */
  users?: readonly string[];
  /** A folder with `<path>.git` in it for each repository: git is served from it too, at `<url>/<path>.git`. */
  root?: string;
}

export interface FakeForge extends AsyncDisposable {
  readonly kind: ForgeKind;
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly apiUrl: string;
  /** May do everything, over the API and with git. */
  readonly token: string;
  /** May read. */
  readonly readOnlyToken: string;
  /** What a GitHub App signs in with. */
  readonly app: { appId: string; privateKey: string };
  /** Every request to the API so far, in order. */
  readonly requests: readonly ForgeRequest[];
  /** Where a request or an answer was not as the host's published document says; disposing throws when there is one. */
  readonly problems: readonly string[];
  pullRequests(path: string): readonly ForgePullRequest[];
  /** Adds a pull request that somebody else opened. */
  addPullRequest(path: string, given: Partial<ForgePullRequest> & { headBranch: string }): ForgePullRequest;
  /** Changes what happens to a pull request on the host's side. */
  setState(path: string, number: number, state: ForgePullRequest["state"]): void;
  /** Replaces the results of a commit. */
  setCi(path: string, commit: string, checks: readonly ForgeCheck[]): void;
  addComment(path: string, number: number, comment: NewForgeComment): void;
  /** Lets the next request to the API go wrong, or the next one that fits. */
  refuse(fault: ForgeFault, fits?: (request: ForgeRequest) => boolean): void;
}

const createHost = (kind: ForgeKind, parts: HostParts): FakeHost => {
  switch (kind) {
    case "github":
      return createFakeGitHub(parts);
    case "gitea":
      return createFakeGitea(parts);
    case "bitbucket":
      return createFakeBitbucket(parts);
    case "gitlab":
      return createFakeGitLab(parts);
  }
};

const makeKeys = () =>
  generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });

/** Starts a fake git host on 127.0.0.1 whose requests and answers are held against the host's published description of its API. */
export const startForge = async (kind: ForgeKind, options: FakeForgeOptions): Promise<FakeForge> => {
  const root = options.root ?? null;
  const state = createState({ repositories: options.repositories, users: options.users ?? ["ada"], root });
  const secret = () => randomUUID().replaceAll("-", "");
  const tokens = { token: `all-${secret()}`, readOnly: `read-${secret()}` };
  // Making a key takes longer than most tests.
  let keys: ReturnType<typeof makeKeys> | null = null;
  const host = createHost(kind, { state, tokens, appKey: () => (keys === null ? null : createPublicKey(keys.publicKey)) });
  const server = await startHostServer({ host, tokens, root });

  const get = (path: string): ForgeRepository => {
    const found = state.find(path);
    if (found === null) throw new Error(`the fake host has no repository ${path}`);
    return found;
  };
  const getPullRequest = (path: string, number: number): ForgePullRequest => {
    const found = get(path).pullRequests.find((one) => one.number === number);
    if (found === undefined) throw new Error(`${path} has no pull request ${number}`);
    return found;
  };

  return {
    kind,
    url: server.url,
    host: `127.0.0.1:${server.port}`,
    apiUrl: `${server.url}${host.apiPath}`,
    token: tokens.token,
    readOnlyToken: tokens.readOnly,
    get app() {
      keys ??= makeKeys();
      return { appId: "4711", privateKey: keys.privateKey };
    },
    requests: server.requests,
    problems: server.problems,
    pullRequests: (path) => get(path).pullRequests,
    addPullRequest: (path, given) => addPullRequest(get(path), given),
    setState: (path, number, next) => {
      getPullRequest(path, number).state = next;
    },
    setCi: (path, commit, checks) => {
      get(path).checks.set(
        commit,
        checks.map((check) => ({ ...check, id: state.nextId() })),
      );
    },
    addComment: (path, number, given) => void addComment(state, getPullRequest(path, number), given),
    refuse: (fault, fits = () => true) => server.refuse(fault, fits),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      if (server.problems.length > 0)
        throw new Error(`the fake ${kind} saw what its document does not allow:\n${server.problems.join("\n")}`);
    },
  };
};
