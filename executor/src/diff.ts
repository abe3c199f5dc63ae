import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { CcrError, type Compare, PATCH_MAX_BYTES, parseChanges, readPatch, type WorkspaceDiff } from "@ccr/protocol";
import { git, runGit } from "./git.ts";
import type { StateFile } from "./state.ts";

export interface DiffOptions {
  workspace: string;
  /** Where temporary files may be put, outside of the workspace. */
  scratch: string;
  env: Readonly<Record<string, string>>;
  state: StateFile;
  signal: AbortSignal;
  maxPatchBytes?: number;
}

const quoteForAlternates = (path: string): string => `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/**
 * All that differs from the commit that was checked out, whether committed, only changed, or new; ignored files are left out. The
 * repository is not changed: the index is a copy, and new objects go to a folder of ours. Neither hooks nor diff drivers are run.
 */
export const diffWorkspace = async (options: DiffOptions): Promise<WorkspaceDiff> => {
  const { workspace, state, env, signal, scratch } = options;
  const baseCommit = state.get().clone?.result.commit;
  if (baseCommit === undefined) throw new CcrError("conflict", "There is nothing to compare with: no repository was cloned.");
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(scratch, "diff-"));
  try {
    const inWorkspace = { cwd: workspace, env, signal };
    const pathOf = async (name: string) => resolve(workspace, await git(["rev-parse", "--git-path", name], inWorkspace));
    const [objects, index, format, head] = await Promise.all([
      pathOf("objects"),
      pathOf("index"),
      git(["rev-parse", "--show-object-format"], inWorkspace),
      runGit(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], inWorkspace),
    ]);
    if (!isAbsolute(objects)) throw new CcrError("internal", "The repository's objects could not be found.");
    const store = join(folder, "store");
    await git(["init", "--quiet", "--bare", "--template=", `--object-format=${format}`, "--", store], {
      cwd: folder,
      env,
      signal,
    });
    const ours = {
      ...env,
      GIT_INDEX_FILE: join(folder, "index"),
      GIT_OBJECT_DIRECTORY: join(store, "objects"),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: quoteForAlternates(objects),
    };
    await copyFile(index, ours.GIT_INDEX_FILE).catch(() => {}); // without one, every file is new to git
    await showHidden({ ...inWorkspace, env: ours });
    await addEverything({ ...options, env: ours });
    // The comparison itself is made in a repository of ours: no configuration and no attribute of the other can change it.
    const compare: Compare = (args, attributes) => compareWith({ args, attributes, base: baseCommit, store, env: ours, signal });
    const raw = await compare(["--raw", "-z"]);
    const numstat = await compare(["--numstat", "-z"]);
    const files = parseChanges(utf8(raw.stdout), utf8(numstat.stdout));
    const headCommit = head.code === 0 ? head.stdout.toString("utf8").trim() : baseCommit;
    return { baseCommit, headCommit, files, ...(await readPatch(compare, options.maxPatchBytes ?? PATCH_MAX_BYTES)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface CompareOptions {
  args: readonly string[];
  attributes: string | undefined;
  base: string;
  store: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

const compareWith = async ({ args, attributes, base, store, env, signal }: CompareOptions) => {
  await mkdir(join(store, "info"), { recursive: true });
  await writeFile(join(store, "info", "attributes"), attributes ?? "");
  const maxBytes = PATCH_MAX_BYTES * 4;
  const fixed = [
    "diff-index",
    "--cached",
    "-M",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--full-index",
    "--ignore-submodules=none",
  ];
  const { code, stdout, stderr, truncated } = await runGit([`--git-dir=${store}`, ...fixed, ...args, base, "--"], {
    cwd: store,
    env,
    signal,
    maxBytes,
  });
  if (code !== 0 && !truncated) throw new CcrError("internal", `The changes could not be read: ${stderr.trim().slice(-500)}`);
  return { stdout, truncated };
};

/** Git looks at no file that its index says is unchanged, or is not to be looked at: the agent may have said so of files that it changed. */
const showHidden = async ({ cwd, env, signal }: { cwd: string; env: Readonly<Record<string, string>>; signal: AbortSignal }) => {
  const { code, stdout } = await runGit(["ls-files", "-v", "-z"], { cwd, env, signal });
  if (code !== 0) return; // without an index nothing is hidden
  const entries = stdout.toString("latin1").split("\0");
  const unhide = async (flag: string, isHidden: (tag: string) => boolean): Promise<void> => {
    const paths = entries.filter((entry) => isHidden(entry.charAt(0))).map((entry) => `${entry.slice(2)}\0`);
    if (paths.length === 0) return;
    const input = Buffer.from(paths.join(""), "latin1");
    await runGit(["update-index", flag, "-z", "--stdin"], { cwd, env, signal, input });
  };
  // A lower-case letter: assumed to be unchanged. S: skipped (git-ls-files(1)).
  await unhide("--no-assume-unchanged", (tag) => /[a-z]/.test(tag));
  await unhide("--no-skip-worktree", (tag) => tag === "S" || tag === "s");
};

const addEverything = async ({ workspace, env, signal }: DiffOptions): Promise<void> => {
  // A folder with a repository of its own and no commit, or a file that cannot be read, must not hide all the others.
  const { code, stderr } = await runGit(["add", "--all", "--ignore-errors", "--", "."], { cwd: workspace, env, signal });
  if (code === 0 || code === 1) return;
  throw new CcrError("internal", `The changes could not be read: ${stderr.trim().slice(-500)}`);
};
