import { dirname } from "node:path";
import { CcrError, type FilePaths, gatherPaths, toPath } from "@ccr/protocol";
import { assertFolder, clonePath } from "./clones.ts";
import { lastGitLine, runGit, splitZ } from "./git.ts";
import type { StateFile } from "./state.ts";

// Far more than what is told of.
const READ_MAX_BYTES = 32 * 1024 * 1024;
const SLASH = 0x2f;

export interface PathsOptions {
  workspace: string;
  env: Readonly<Record<string, string>>;
  state: StateFile;
  signal: AbortSignal;
}

const readClone = async (cwd: string, { env, signal }: PathsOptions) => {
  // Without a repository of its own, a folder must not be taken for a part of one above it.
  const options = { cwd, env: { ...env, GIT_CEILING_DIRECTORIES: dirname(cwd) }, signal, maxBytes: READ_MAX_BYTES };
  const list = async (...args: string[]) => {
    const { code, stdout, stderr, truncated } = await runGit(["ls-files", "-z", ...args], options);
    if (code !== 0 && !truncated) throw new CcrError("conflict", `The names of the files cannot be read: ${lastGitLine(stderr)}`);
    return { names: splitZ(stdout), truncated };
  };
  const [all, deleted] = await Promise.all([
    list("--cached", "--others", "--exclude-standard", "--deduplicate"),
    // What is in the index is told of, whether it is there or not.
    list("--deleted"),
  ]);
  const gone = new Set(deleted.names.map((name) => name.toString("latin1")));
  // What ends with a slash is a repository inside of this one.
  const names = all.names.filter((name) => name.at(-1) !== SLASH && !gone.has(name.toString("latin1")));
  return { names, truncated: all.truncated };
};

/**
 * The paths of the files in all clones of the workspace, new ones among them, without those that git ignores. Links are files here. Throws
 * `CcrError` with `conflict` where git cannot read a repository any more.
 */
export const listPaths = async (options: PathsOptions): Promise<FilePaths> => {
  const { workspace, state } = options;
  const gathered = gatherPaths();
  for (const { request } of state.get().clones) {
    const { directory } = request;
    await assertFolder(workspace, directory);
    const { names, truncated } = await readClone(clonePath(workspace, directory), options);
    const above = directory === undefined ? "" : `${directory}/`;
    if (truncated) gathered.cut();
    if (!names.every((name) => gathered.add(`${above}${toPath(name)}`))) break;
  }
  return gathered.result();
};
