import { copyFile, mkdir, mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { CcrError, type Compare, joinDiffs, PATCH_MAX_BYTES, parseChanges, readPatch, type WorkspaceDiff } from "@ccr/protocol";
import { assertFolder, clonePath } from "./clones.ts";
import { git, runGit } from "./git.ts";
import type { Clone, StateFile } from "./state.ts";

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
 * All that differs from the commits that were checked out, whether committed, only changed, or new; ignored files are left out. Of clones in
 * folders all, in the order of cloning, each file by its path in the workspace. The repositories are not changed: the index is a copy, and new
 * objects go to a folder of ours. Neither hooks nor diff drivers are run.
 */
export const diffWorkspace = async (options: DiffOptions): Promise<WorkspaceDiff> => {
  const [first, ...others] = options.state.get().clones;
  if (first === undefined) throw new CcrError("conflict", "There is nothing to compare with: no repository was cloned.");
  const diffs: [WorkspaceDiff, ...WorkspaceDiff[]] = [await diffClone(first, options)];
  for (const clone of others) diffs.push(await diffClone(clone, options));
  return joinDiffs(diffs, options.maxPatchBytes ?? PATCH_MAX_BYTES);
};

const diffClone = async ({ request: { directory }, result }: Clone, options: DiffOptions): Promise<WorkspaceDiff> => {
  const { workspace } = options;
  await assertFolder(workspace, directory);
  try {
    return await compareClone({ ...options, workspace: clonePath(workspace, directory) }, { directory, base: result.commit });
  } catch (error) {
    if (directory === undefined || !(error instanceof CcrError)) throw error;
    throw new CcrError(error.code, `In the folder '${directory}' of the workspace: ${error.message}`, { cause: error });
  }
};

const compareClone = async (
  options: DiffOptions,
  { directory, base: baseCommit }: { directory: string | undefined; base: string },
): Promise<WorkspaceDiff> => {
  const { workspace, signal, scratch } = options;
  // Without a repository of its own, a folder must not be taken for a part of one above it.
  const env = { ...options.env, GIT_CEILING_DIRECTORIES: dirname(workspace) };
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
    await copyIndex(index, ours.GIT_INDEX_FILE).catch(() => {}); // without one, every file is new to git
    await showHidden({ ...inWorkspace, env: ours });
    await addEverything({ ...options, env: ours });
    // The comparison itself is made in a repository of ours: no configuration and no attribute of the other can change it.
    const inStore = { store, env: ours, signal };
    const sides: Sides =
      directory === undefined
        ? ["diff-index", "--cached", baseCommit]
        : ["diff-tree", "-r", ...(await treesBelow(directory, { ...inStore, base: baseCommit }))];
    const compare: Compare = (args, attributes) => compareWith({ args, attributes, sides, ...inStore });
    const raw = await compare(["--raw", "-z"]);
    const numstat = await compare(["--numstat", "-z"]);
    const files = parseChanges(utf8(raw.stdout), utf8(numstat.stdout));
    const headCommit = head.code === 0 ? head.stdout.toString("utf8").trim() : baseCommit;
    return { baseCommit, headCommit, files, ...(await readPatch(compare, options.maxPatchBytes ?? PATCH_MAX_BYTES)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/**
 * As old as the original: git takes a file for unchanged that has the size and the second of its entry, unless the index is no younger than
 * that second. What was changed in the second of the checkout would be missing.
 */
const copyIndex = async (from: string, to: string): Promise<void> => {
  const { atime, mtime } = await stat(from);
  await copyFile(from, to);
  await utimes(to, atime, mtime);
};

interface InStore {
  store: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** The base commit's tree and the index's, each as it is in a workspace that has it in this folder. A prefix of git's own does not reach renames. */
const treesBelow = async (directory: string, { store, env, signal, base }: InStore & { base: string }) => {
  const inStore = (args: readonly string[], input = "") =>
    git([`--git-dir=${store}`, ...args], { cwd: store, env, signal, input });
  const below = async (tree: string) => inStore(["mktree"], `040000 tree ${tree}\t${directory}\n`);
  const before = await below(await inStore(["rev-parse", "--verify", "--end-of-options", `${base}^{tree}`]));
  // What is missing from a damaged repository is told by the comparison, when it is needed there.
  return [before, await below(await inStore(["write-tree", "--missing-ok"]))] as const;
};

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A command that compares, and what it is to compare. */
type Sides = readonly ["diff-index", "--cached", string] | readonly ["diff-tree", "-r", string, string];

interface CompareOptions extends InStore {
  args: readonly string[];
  attributes: string | undefined;
  sides: Sides;
}

const compareWith = async ({ args, attributes, sides, store, env, signal }: CompareOptions) => {
  await mkdir(join(store, "info"), { recursive: true });
  await writeFile(join(store, "info", "attributes"), attributes ?? "");
  const maxBytes = PATCH_MAX_BYTES * 4;
  const fixed = ["-M", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--ignore-submodules=none"];
  const [command, option, ...compared] = sides;
  const { code, stdout, stderr, truncated } = await runGit(
    [`--git-dir=${store}`, command, option, ...fixed, ...args, ...compared, "--"],
    { cwd: store, env, signal, maxBytes },
  );
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
