import { existsSync } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CcrError, type GitCloneInput, type GitCloneResult, parseRepository } from "@ccr/protocol";
import { git, lastGitLine, runGit } from "./git.ts";
import { checkOutBundle, readBundleSource } from "./git-bundle.ts";
import { type GitHome, templateFolder, trustFolders } from "./git-init.ts";
import type { StateFile } from "./state.ts";

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
    throw new CcrError("conflict", `The workspace ${folder} cannot be used: ${error.message}`, { cause: error });
  });
  return names.length === 0;
};

const empty = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder).catch((): string[] => []))
    await rm(join(folder, name), { recursive: true, force: true });
};

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
 * Clones a repository into the workspace, which must be empty, and checks a branch (a local one that tracks it), a tag or a commit
 * (detached) out; with a bundle, a commit of that (see `checkOutBundle`). Nothing that comes with the repository is run, no submodule
 * fetched. A failure leaves the workspace empty. The same request again gives the first one's result.
 */
export const gitClone = async (input: GitCloneInput, options: CloneOptions): Promise<GitCloneResult> => {
  const { workspace, state } = options;
  const { source, origin } = readAddress(input);
  const { ref } = input;
  if (ref !== undefined && BAD_REF.test(ref))
    throw new CcrError("bad_request", "ref: this is not the name of a branch, tag or commit");
  const bundle = readBundleSource(input);
  const { clone: done, cloning } = state.get();
  if (cloning) await empty(workspace);
  if (!(await isEmpty(workspace))) {
    if (done !== null && isDeepStrictEqual(done.request, input)) return done.result;
    throw new CcrError("conflict", `The workspace ${workspace} is not empty: a repository can be cloned only into an empty one.`);
  }
  const existed = (await stat(workspace).catch(() => null)) !== null;
  try {
    await mkdir(workspace, { recursive: true });
    await state.update({ cloning: true });
    await trustFolders(options);
    await fetchInto(source, input, options);
    const result = bundle === null ? await checkOut(ref, options) : await checkOutBundle(bundle, options);
    await git(["remote", "set-url", "--", "origin", origin], { cwd: workspace, env: options.env });
    await state.update({ cloning: false, clone: { request: input, result } });
    return result;
  } catch (error) {
    await empty(workspace);
    if (!existed) await rm(workspace, { recursive: true, force: true });
    await state.update({ cloning: false });
    throw error;
  }
};

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
