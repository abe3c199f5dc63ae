import { type GitOutcome, runGit } from "./command.ts";
import { gitEnvironment } from "./environment.ts";
import { placesOf, type ResolvedRef } from "./refs.ts";

/** What is asked of and done to a mirror itself; nothing here reaches out of it. */
export interface BareRepository {
  initialize(signal: AbortSignal): Promise<GitOutcome>;
  /** The full id of the commit that a revision leads to; null when there is none. */
  commitOf(revision: string, signal: AbortSignal): Promise<string | null>;
  findRef(name: string, signal: AbortSignal): Promise<{ commit: string; ref: ResolvedRef } | null>;
  /** Where HEAD leads; null when it leads to no commit. */
  findHead(signal: AbortSignal): Promise<{ commit: string; ref: ResolvedRef } | null>;
  /** The names of its first two branches; enough to tell none, one and several apart. */
  someBranches(signal: AbortSignal): Promise<string[]>;
  isEmpty(signal: AbortSignal): Promise<boolean>;
  /** Lets a commit stay for as long as `unpin` is not called with the same name, whatever becomes of the branches. Idempotent. */
  pin(name: string, commit: string, signal: AbortSignal): Promise<GitOutcome>;
  /** Takes back every pin of a name but that of the commit `except`. Idempotent. */
  unpin(name: string, options: { except: string | null }, signal: AbortSignal): Promise<void>;
  /** Takes over the pins of another mirror, as far as it can be read. */
  takePins(from: string, signal: AbortSignal): Promise<void>;
  isPinned(signal: AbortSignal): Promise<boolean>;
  /** Lets HEAD lead to a branch, or to a commit of no branch. */
  setHead(to: { branch: string } | { commit: string }, signal: AbortSignal): Promise<GitOutcome>;
}

const LOCAL_MS = 60_000;
/** What fetching never touches: `refs/ccr/kept/<name>/<commit>`. */
const PINS = "refs/ccr/kept";

const succeeded = (outcome: GitOutcome): outcome is Extract<GitOutcome, { kind: "exited" }> =>
  outcome.kind === "exited" && outcome.code === 0;

export const openBare = (
  path: string,
  options: { folder: string; server: Readonly<Record<string, string | undefined>> },
): BareRepository => {
  const environment = gitEnvironment({
    address: { transport: "local", path, display: path },
    pinned: [],
    credential: null,
    globalConfig: null,
    server: options.server,
    stallSeconds: 60,
  });
  const git = (args: readonly string[], signal: AbortSignal) =>
    runGit({ args: [`--git-dir=${path}`, ...args], environment, cwd: options.folder, timeoutMs: LOCAL_MS }, signal);
  const linesOf = async (args: readonly string[], signal: AbortSignal): Promise<string[]> => {
    const outcome = await git(args, signal);
    return succeeded(outcome) ? outcome.output.split("\n").filter((line) => line !== "") : [];
  };

  const commitOf = async (revision: string, signal: AbortSignal): Promise<string | null> => {
    const [commit] = await linesOf(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`], signal);
    return commit ?? null;
  };

  return {
    // Readable by all, whatever the server's umask: the sandbox's user is not the server's.
    initialize: (signal) => git(["init", "--quiet", "--bare", "--template=", "--shared=0644", "--initial-branch=main"], signal),
    commitOf,
    findRef: async (name, signal) => {
      for (const { revision, ...ref } of placesOf(name)) {
        const commit = await commitOf(revision, signal);
        if (commit !== null) return { commit, ref };
      }
      return null;
    },
    findHead: async (signal) => {
      const commit = await commitOf("HEAD", signal);
      if (commit === null) return null;
      const [branch] = await linesOf(["symbolic-ref", "--quiet", "HEAD"], signal);
      const name = branch?.replace(/^refs\/heads\//, "");
      return { commit, ref: name === undefined ? { name: commit, kind: "commit" } : { name, kind: "branch" } };
    },
    someBranches: (signal) => linesOf(["for-each-ref", "--count=2", "--format=%(refname:lstrip=2)", "refs/heads"], signal),
    isEmpty: async (signal) => (await linesOf(["for-each-ref", "--count=1", "refs/heads", "refs/tags"], signal)).length === 0,
    pin: (name, commit, signal) => git(["update-ref", `${PINS}/${name}/${commit}`, commit], signal),
    unpin: async (name, { except }, signal) => {
      for (const ref of await linesOf(["for-each-ref", "--format=%(refname)", `${PINS}/${name}/`], signal))
        if (ref !== `${PINS}/${name}/${except}`) await git(["update-ref", "-d", ref], signal);
    },
    takePins: async (from, signal) => {
      await git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", from, `+${PINS}/*:${PINS}/*`], signal);
    },
    isPinned: async (signal) => (await linesOf(["for-each-ref", "--count=1", PINS], signal)).length > 0,
    setHead: (to, signal) =>
      "branch" in to
        ? git(["symbolic-ref", "HEAD", `refs/heads/${to.branch}`], signal)
        : git(["update-ref", "--no-deref", "HEAD", to.commit], signal),
  };
};
