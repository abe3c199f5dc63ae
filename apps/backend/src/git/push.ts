import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseRepository } from "@ccr/protocol";
import { type Resolve, resolveHost } from "./addresses.ts";
import { runGit } from "./command.ts";
import { connect } from "./connection.ts";
import type { FindCredential } from "./credentials.ts";
import { MirrorError } from "./failure.ts";
import { checkLocalRepository } from "./local.ts";
import { explainPush, type PushFailure } from "./push-failure.ts";
import { planPush, readRemoteRefs } from "./push-plan.ts";
import { isRefName } from "./refs.ts";
import { listRemote } from "./remote.ts";
import { type CommitText, makeResultCommit } from "./result-commit.ts";
import type { KeptWorkStore } from "./work.ts";
import type { KeptCheckout } from "./work-places.ts";
import type { Quarantine } from "./work-quarantine.ts";

export interface PushesOptions {
  dataDir: string;
  localRepositoryRoots: readonly string[];
  credential: FindCredential;
  work: Pick<KeptWorkStore, "unpacked">;
  environment?: Readonly<Record<string, string | undefined>>;
  resolve?: Resolve;
  /** What one push may take at most. */
  timeoutMs?: number;
  /** An http(s) server that is silent for this long is given up. */
  stallSeconds?: number;
}

/** What is to be pushed of a run's kept work. */
export interface PushRequest extends CommitText {
  branch: string;
  /** The branch that the work is for; null: `from` when that is a branch, else the repository's default branch. */
  base: string | null;
  /** What the run started from, as it was asked for. */
  from: string | null;
  /** Whether this server pushed a commit to that branch before. */
  isOurs: (commit: string) => boolean;
}

/** `base`: the branch that the work is for. `unchanged`: there is nothing to push. `commit` of a push that failed: what was to be pushed, if it came to that. */
export type PushOutcome =
  | { kind: "pushed"; commit: string; base: string | null }
  | { kind: "unchanged" }
  | ({ kind: "failed"; commit: string | null } & PushFailure);

// A large result over a slow line takes its time; one that takes longer is tried again.
const PUSH_MS = 10 * 60_000;
const STALL_SECONDS = 60;
const UNFINISHED = ".unfinished-push-";

const failed = (message: string, again = false): PushOutcome => ({ kind: "failed", again, message, commit: null });

const buildsOn = async ({ git }: Quarantine, commit: string, tip: string): Promise<boolean> => {
  try {
    await git(["cat-file", "-e", `${tip}^{commit}`]);
  } catch {
    return false; // nobody here ever saw it
  }
  return (await git(["rev-list", "--count", "--stdin"], Buffer.from(`${tip}\n^${commit}\n`))).trim() === "0";
};

/** Pushes kept work of runs to branches of their repositories, from a quarantine, with the credentials of this server. */
export const createPushes = (options: PushesOptions) => {
  const { dataDir, localRepositoryRoots, credential, work, environment: server = {}, resolve = resolveHost } = options;
  const { timeoutMs = PUSH_MS, stallSeconds = STALL_SECONDS } = options;

  const pushFrom = async (
    found: NonNullable<Awaited<ReturnType<KeptWorkStore["unpacked"]>>>,
    { repository }: KeptCheckout,
    wanted: PushRequest,
    { folder, signal }: { folder: string; signal: AbortSignal },
  ): Promise<PushOutcome> => {
    const parsed = parseRepository(repository);
    if (!parsed.ok) return failed(parsed.message);
    const { address } = parsed;
    const { quarantine, snapshot } = found;
    const commit = await makeResultCommit(quarantine, snapshot, wanted);
    if (commit === snapshot.baseCommit) return { kind: "unchanged" };
    const local =
      address.transport === "local"
        ? await checkLocalRepository(address.path, { roots: localRepositoryRoots, closedFolder: dataDir })
        : null;
    const way = { folder, credential, server, resolve, stallSeconds };
    await using connections = new AsyncDisposableStack();
    const first = connections.use(await connect({ address, local }, way, signal));
    const { branch, base, from, isOurs } = wanted;
    // A pattern would list more than the one branch.
    const named = [branch, from].filter((name) => name !== null && isRefName(name));
    const refs = ["HEAD", ...named.map((name) => `refs/heads/${name}`)];
    const { connection, outcome: listed } = await listRemote(first, { refs, folder, timeoutMs, connections }, signal);
    const about = { display: address.display, transport: address.transport, branch, secrets: connection.secrets };
    if (listed.kind !== "exited" || listed.code !== 0) return { kind: "failed", commit, ...explainPush(listed, about) };
    const remote = readRemoteRefs(listed.output);
    const tip = remote.tips.get(branch) ?? null;
    const plan = planPush({
      branch,
      commit,
      base,
      remote,
      isForward: tip !== null && (await buildsOn(quarantine, commit, tip)),
      isOurs: tip !== null && isOurs(tip),
    });
    const started = from !== null && from !== branch && remote.tips.has(from) ? from : remote.defaultBranch;
    const pushed: PushOutcome = { kind: "pushed", commit, base: base ?? started };
    if (plan.kind === "refused") return { kind: "failed", commit, again: false, message: plan.why };
    if (plan.kind === "there") return pushed;
    const args = [
      `--git-dir=${quarantine.path}`,
      "push",
      "--porcelain",
      "--no-verify",
      "--no-follow-tags",
      "--recurse-submodules=no",
      // It is moved from where it was looked at just now, and from nowhere else.
      `--force-with-lease=refs/heads/${branch}:${plan.expected ?? ""}`,
      "--",
      connection.source,
      `${commit}:refs/heads/${branch}`,
    ];
    const outcome = await runGit({ args, environment: connection.environment, cwd: folder, timeoutMs }, signal);
    if (outcome.kind === "exited" && outcome.code === 0) return pushed;
    return { kind: "failed", commit, ...explainPush(outcome, about) };
  };

  return {
    /**
     * Pushes what is kept of a repository to a branch of it, once. Idempotent: the same work gives the same commit, and a branch that leads to it already is
     * left as it is. What cannot be is told as an outcome. Throws the signal's reason, and what is wrong with this server's own files.
     */
    push: async (checkout: KeptCheckout, wanted: PushRequest, signal: AbortSignal): Promise<PushOutcome> => {
      const root = join(dataDir, "kept");
      await mkdir(root, { recursive: true, mode: 0o700 });
      const folder = await mkdtemp(join(root, UNFINISHED));
      try {
        const found = await work.unpacked(checkout, folder, signal);
        if (found === null) return failed("Nothing of its work is kept on this server.");
        return await pushFrom(found, checkout, wanted, { folder, signal });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof MirrorError) return failed(error.message, error.reason === "repository_unreachable");
        throw error;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
};
