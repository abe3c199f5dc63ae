import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CcrError, type GitCloneInput, type GitCloneResult, parseRepository } from "@ccr/protocol";
import { cloneDirectories, clonePath } from "./clones.ts";
import { git, lastGitLine, runGit } from "./git.ts";
import { type BundleSource, checkOutBundle, goOnWithBundle, type InWorkspace, readBundleSource } from "./git-bundle.ts";
import { type GitHome, templateFolder, trustFolders } from "./git-init.ts";
import type { Clone, StateFile } from "./state.ts";

export interface CloneOptions extends GitHome {
  workspace: string;
  state: StateFile;
  signal: AbortSignal;
}

const COMMIT = /^[0-9a-f]{7,64}$/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const BAD_REF = /^-|[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|(^|\/)\.|\.lock(\/|$)/;

const isEmpty = async (folder: string): Promise<boolean> => {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new CcrError("conflict", `${folder} cannot be used: ${error.message}`, { cause: error });
  });
  return names.length === 0;
};

/** Whether there is room for a clone. A link in the place of a folder leads out of the workspace. */
const isFree = async (workspace: string, directory: string | undefined): Promise<boolean> => {
  if (await isEmpty(workspace)) return true;
  if (directory === undefined) return false;
  const path = clonePath(workspace, directory);
  const found = await lstat(path).catch(() => null);
  return found === null || (found.isDirectory() && (await isEmpty(path)));
};

/** Takes away what a clone left that did not come to its end, and nothing beside it. */
const clear = async (workspace: string, directory: string | undefined): Promise<void> => {
  if (directory !== undefined) return rm(clonePath(workspace, directory), { recursive: true, force: true });
  for (const name of await readdir(workspace).catch((): string[] => []))
    await rm(join(workspace, name), { recursive: true, force: true });
};

/** Throws `conflict` when a clone cannot be beside those that are there. Pure. */
const assertBeside = (clones: readonly Clone[], directory: string | undefined): void => {
  const directories = cloneDirectories(clones);
  if (directory === undefined) {
    if (directories.length === 0) return;
    throw new CcrError(
      "conflict",
      `There are repositories in folders of the workspace (${directories.join(", ")}): no other can be cloned into the workspace itself.`,
    );
  }
  if (clones.length > directories.length) {
    throw new CcrError(
      "conflict",
      `There is a repository in the workspace itself: no other can be cloned into the folder '${directory}' of it.`,
    );
  }
  // On some disks they are one folder.
  const alike = directories.find((each) => each !== directory && each.toLowerCase() === directory.toLowerCase());
  if (alike !== undefined) {
    throw new CcrError("conflict", `The folder '${directory}' differs from '${alike}', which has a repository, in case alone.`);
  }
};

/** What is asked for; what follows it makes it no other request. Pure. */
const wanted = ({ moreFollows: _, ...request }: GitCloneInput) => request;

/** What git clones from, and what `origin` is set to afterwards. Throws `bad_request` for what is not taken. */
const readAddress = ({ repositoryUrl, mirrorPath }: GitCloneInput): { source: string; origin: string } => {
  const parsed = parseRepository(repositoryUrl);
  if (!parsed.ok) throw new CcrError("bad_request", `repositoryUrl: ${parsed.message}`);
  const { address } = parsed;
  if (mirrorPath !== undefined) {
    if (mirrorPath.split("/").includes("..")) throw new CcrError("bad_request", "mirrorPath: the path has a '..'");
    return { source: mirrorPath, origin: address.transport === "local" ? address.path : address.url };
  }
  if (address.transport === "local") {
    throw new CcrError("bad_request", "repositoryUrl: a local path is cloned only from a mirror; give mirrorPath too");
  }
  return { source: address.url, origin: address.url };
};

/**
 * Clones a repository into the workspace, or into a folder of it, which must be empty, and checks a branch (a local one that tracks it), a tag
 * or a commit (detached) out; with a bundle, a commit of that, or the work in it to go on with (see `git-bundle.ts`). Nothing that comes with the repository is run, no
 * submodule fetched. A failure leaves nothing of it, and all that is beside it alone. The same request again gives the first one's result.
 */
export const gitClone = async (input: GitCloneInput, options: CloneOptions): Promise<GitCloneResult> => {
  const { workspace, state } = options;
  const { source, origin } = readAddress(input);
  const { ref, directory } = input;
  if (ref !== undefined && BAD_REF.test(ref))
    throw new CcrError("bad_request", "ref: this is not the name of a branch, tag or commit");
  const bundle = readBundleSource(input);
  const { cloning } = state.get();
  if (cloning !== null) {
    await clear(workspace, cloning.directory);
    await state.update({ cloning: null });
  }
  const { clones } = state.get();
  assertBeside(clones, directory);
  const done = clones.find(({ request }) => request.directory === directory);
  const isSame = done !== undefined && isDeepStrictEqual(wanted(done.request), wanted(input));
  if (directory !== undefined && done !== undefined && !isSame)
    throw new CcrError(
      "conflict",
      `Another repository or ref was cloned into the folder '${directory}' of the workspace before.`,
    );
  if (!(await isFree(workspace, directory))) {
    if (isSame) return done.result;
    const place = directory === undefined ? `The workspace ${workspace}` : `The folder '${directory}' of the workspace`;
    throw new CcrError("conflict", `${place} is not empty: a repository can be cloned only into an empty one.`);
  }
  const existed = (await stat(workspace).catch(() => null)) !== null;
  const inPlace = { ...options, workspace: clonePath(workspace, directory) };
  try {
    await mkdir(inPlace.workspace, { recursive: true });
    await state.update({ cloning: { directory } });
    await trustFolders(options);
    await fetchInto(source, input, inPlace);
    const result = bundle === null ? await checkOut(ref, inPlace) : await takeBundle(bundle, inPlace);
    await git(["remote", "set-url", "--", "origin", origin], { cwd: inPlace.workspace, env: options.env });
    const clone = { request: input, result };
    await state.update({
      cloning: null,
      clones: done === undefined ? [...clones, clone] : clones.map((each) => (each === done ? clone : each)),
    });
    return result;
  } catch (error) {
    await clear(workspace, directory);
    if (!existed && (await isEmpty(workspace))) await rm(workspace, { recursive: true, force: true });
    await state.update({ cloning: null });
    throw error;
  }
};

const takeBundle = ({ baseCommit, ...bundle }: BundleSource, inPlace: InWorkspace): Promise<GitCloneResult> =>
  baseCommit === null ? checkOutBundle({ ...bundle, baseCommit }, inPlace) : goOnWithBundle({ ...bundle, baseCommit }, inPlace);

const fetchInto = async (
  source: string,
  { mirrorPath }: GitCloneInput,
  { workspace, env, home, signal }: CloneOptions,
): Promise<void> => {
  const { code, stderr } = await runGit(
    [
      "clone",
      "--quiet",
      "--no-checkout",
      "--no-recurse-submodules",
      // Linked objects would let the agent write into the mirror; a template of somebody else could bring hooks along.
      "--no-hardlinks",
      `--template=${existsSync(templateFolder(home)) ? templateFolder(home) : ""}`,
      "--origin=origin",
      "--",
      source,
      workspace,
    ],
    { cwd: home, env: { ...env, GIT_ALLOW_PROTOCOL: mirrorPath === undefined ? "http:https:ssh" : "file" }, signal },
  );
  if (code !== 0) throw new CcrError("unavailable", `The repository could not be cloned: ${lastGitLine(stderr)}`);
};

const checkOut = async (ref: string | undefined, { workspace, env, signal }: CloneOptions): Promise<GitCloneResult> => {
  const inWorkspace = { cwd: workspace, env, signal };
  const find = async (name: string): Promise<string | null> => {
    const { code, stdout } = await runGit(
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`],
      inWorkspace,
    );
    return code === 0 ? stdout.toString("utf8").trim() : null;
  };
  const checkout = async (args: string[]) => {
    const { code, stderr } = await runGit(["checkout", "--quiet", "--force", "--no-recurse-submodules", ...args], inWorkspace);
    if (code !== 0) throw new CcrError("unavailable", `The repository could not be checked out: ${lastGitLine(stderr)}`);
  };
  const onBranch = async (branch: string): Promise<GitCloneResult> => {
    await checkout(["-B", branch, "--track", `refs/remotes/origin/${branch}`, "--"]);
    return { commit: (await find("HEAD")) ?? "", branch };
  };
  if (ref === undefined) {
    const { code, stdout } = await runGit(["symbolic-ref", "--quiet", "--short", "HEAD"], inWorkspace);
    const branch = code === 0 ? stdout.toString("utf8").trim() : null;
    if (branch !== null && (await find(`refs/remotes/origin/${branch}`)) !== null) return onBranch(branch);
    const head = await find("HEAD");
    if (head === null) throw new CcrError("unprocessable", await describeNoHead(inWorkspace));
    await checkout(["--detach", head, "--"]);
    return { commit: head, branch: null };
  }
  if ((await find(`refs/remotes/origin/${ref}`)) !== null) return onBranch(ref);
  let commit = await find(`refs/tags/${ref}`);
  if (commit === null && COMMIT.test(ref)) {
    commit = await find(ref);
    if (commit === null && ref.length >= 40) {
      // A server may hold a commit that no branch leads to, and give it when it is asked by its full name.
      await runGit(["fetch", "--quiet", "--no-tags", "--", "origin", ref], inWorkspace);
      commit = await find(ref);
    }
  }
  if (commit === null) throw new CcrError("not_found", `The repository has no branch, tag or commit '${ref}'.`);
  await checkout(["--detach", commit, "--"]);
  return { commit, branch: null };
};

const describeNoHead = async (inWorkspace: { cwd: string; env: Readonly<Record<string, string>> }): Promise<string> => {
  const branches = await git(["for-each-ref", "--count=5", "--format=%(refname:lstrip=3)", "refs/remotes/origin"], inWorkspace);
  return branches === ""
    ? "The repository is empty: it has no commit to start from."
    : `The repository's default branch does not exist. Name a branch; it has: ${branches.split("\n").join(", ")}.`;
};
