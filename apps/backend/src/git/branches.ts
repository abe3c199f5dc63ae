import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BRANCHES_MAX, CcrError, type RepositoryAddress, type RepositoryBranches } from "@ccr/protocol";
import { type Resolve, resolveHost } from "./addresses.ts";
import { connect } from "./connection.ts";
import { type FindCredential, noCredential } from "./credentials.ts";
import { explainFailure, MirrorError } from "./failure.ts";
import { checkLocalRepository } from "./local.ts";
import { isRefName, readHead } from "./refs.ts";
import { listRemote } from "./remote.ts";
import { createSharedWork } from "./shared-work.ts";

export interface BranchesOptions {
  dataDir: string;
  localRepositoryRoots: readonly string[];
  credential?: FindCredential;
  /** The server's environment; see `MirrorsOptions`. */
  environment?: Readonly<Record<string, string | undefined>>;
  resolve?: Resolve;
  /** What asking a host may take. */
  timeoutMs?: number;
}

export interface Branches {
  /** Asks the repository's host. Throws `CcrError`: `timeout` when it does not answer in time, `too_many_requests`, or `unprocessable` with why not. */
  list(address: RepositoryAddress, signal: AbortSignal): Promise<RepositoryBranches>;
}

// Somebody waits for it in a form, and can write the name as well.
const ANSWER_MS = 20_000;
// An http(s) server that is silent for this long is given up.
const STALL_SECONDS = 15;
// Each is a process that talks to another host.
const AT_ONCE = 8;
// Whoever opens a form again sees the same branches for all that matters.
const TOGETHER_MS = 2000;

/** The branches in an answer of `ls-remote --symref`, the default one first, and then by name. Pure. */
export const readBranches = (answer: string): RepositoryBranches => {
  const { branch: defaultBranch } = readHead(answer);
  const names = [...answer.matchAll(/^[0-9a-f]{40,64}\trefs\/heads\/(\S+)$/gm)].map(([, name = ""]) => name).filter(isRefName);
  const others = [...new Set(names)].filter((name) => name !== defaultBranch).toSorted((a, b) => a.localeCompare(b, "en"));
  // A default branch without a commit is none that a run could start from.
  const first = defaultBranch !== null && names.includes(defaultBranch) ? [defaultBranch] : [];
  const all = [...first, ...others];
  return { defaultBranch: first[0] ?? null, branches: all.slice(0, BRANCHES_MAX), isWhole: all.length <= BRANCHES_MAX };
};

/** Asks hosts for the branches of repositories, with the server's own credentials. Nothing is kept. */
export const createBranches = (options: BranchesOptions): Branches => {
  const { environment = {}, credential = noCredential, resolve = resolveHost, timeoutMs = ANSWER_MS } = options;
  const shared = createSharedWork<RepositoryBranches>(() => performance.now(), TOGETHER_MS);
  let asking = 0;

  const ask = async (address: RepositoryAddress, signal: AbortSignal): Promise<RepositoryBranches> => {
    const roots = { roots: options.localRepositoryRoots, closedFolder: options.dataDir };
    const local = address.transport === "local" ? await checkLocalRepository(address.path, roots) : null;
    const folder = join(options.dataDir, "mirrors");
    await mkdir(folder, { recursive: true });
    const way = { folder, credential, server: environment, resolve, stallSeconds: STALL_SECONDS };
    await using connections = new AsyncDisposableStack();
    const first = connections.use(await connect({ address, local }, way, signal));
    const { connection, outcome } = await listRemote(
      first,
      { refs: ["HEAD", "refs/heads/*"], folder, timeoutMs, connections },
      signal,
    );
    if (outcome.kind === "timed_out") throw tooLate(address, timeoutMs);
    // A repository without a commit has nothing to tell.
    if (outcome.code === 0) return readBranches(outcome.output);
    const { secrets } = connection;
    throw explainFailure(outcome, { display: address.display, transport: address.transport, secrets });
  };

  return {
    list: async (address, signal) => {
      if (asking >= AT_ONCE)
        throw new CcrError("too_many_requests", "The server asks other hosts for branches already; try again in a moment.");
      asking++;
      const within = AbortSignal.timeout(timeoutMs);
      try {
        const key = address.transport === "local" ? address.path : address.url;
        const until = AbortSignal.any([signal, within]);
        return await shared.run(key, (together) => ask(address, together), { report: () => {}, signal: until });
      } catch (error) {
        signal.throwIfAborted();
        if (within.aborted) throw tooLate(address, timeoutMs);
        if (error instanceof MirrorError) throw new CcrError("unprocessable", error.message, { cause: error });
        throw error;
      } finally {
        asking--;
      }
    },
  };
};

const tooLate = ({ display }: RepositoryAddress, timeoutMs: number): CcrError =>
  new CcrError(
    "timeout",
    `The host of ${display} did not tell its branches within ${Math.round(timeoutMs / 1000)} seconds; try again, or write the branch's name.`,
  );
