import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "./folders.ts";
import { runGit } from "./git.ts";

/** Paths to contents; a null removes the file. */
export type Files = Readonly<Record<string, string | null>>;
export interface Commit {
  message: string;
  files: Files;
}

export interface RepositoryOptions {
  /** Where to make it; a temporary folder when left out. */
  path?: string;
  /** The content of the first commit; without `files`, `commits` and `thousandFiles` the repository is empty. */
  files?: Files;
  /** Further commits on `main`, in order. */
  commits?: readonly Commit[];
  /** Branches that start at the tip of `main`, each with one commit of its own. */
  branches?: Readonly<Record<string, Files>>;
  /** Tags at the tip of `main`. */
  tags?: readonly string[];
  /** Adds a thousand small files to the first commit. */
  thousandFiles?: boolean;
  /** A bare repository: the same history without a work tree. */
  bare?: boolean;
}

export interface GitRepository extends AsyncDisposable {
  readonly path: string;
  /** Runs git in the repository and gives its output. */
  git(...args: string[]): Promise<string>;
  /** Adds a commit on the branch that is checked out (not in a bare one) and gives its full id. */
  commit(commit: Commit): Promise<string>;
  /** The commit that a revision names, `HEAD` when left out. */
  commitId(revision?: string): Promise<string>;
}

const FIRST_DATE = Date.UTC(2026, 0, 1, 12);

const thousandFiles = (): Files => {
  const files: Record<string, string> = {};
  for (let index = 0; index < 1000; index++) {
    const number = String(index).padStart(3, "0");
    files[`src/part-${number.slice(0, 2)}/file-${number}.txt`] = `This is file ${number}.\n`.repeat(1 + (index % 7));
  }
  return files;
};

const writeAll = async (root: string, files: Files): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    if (content === null) {
      await rm(path, { force: true });
      continue;
    }
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
};

/** Makes a real repository whose commit ids are the same each time, on `main`; disposing removes it. */
export const createGitRepository = async (options: RepositoryOptions = {}): Promise<GitRepository> => {
  const folder = options.path === undefined ? await temporaryFolder() : null;
  const path = folder === null ? (options.path ?? "") : folder.join("repository");
  const dispose = () => (folder === null ? rm(path, { recursive: true, force: true }) : folder[Symbol.asyncDispose]());
  try {
    const work = options.bare ? `${path}.work` : path;
    await mkdir(work, { recursive: true });
    await runGit(work, ["init", "--quiet", "--initial-branch=main"]);
    let minutes = 0;
    const nextDate = () => new Date(FIRST_DATE + 60_000 * minutes++);
    const commitIn = async ({ message, files }: Commit): Promise<string> => {
      await writeAll(work, files);
      await runGit(work, ["add", "--all"]);
      await runGit(work, ["commit", "--quiet", "--allow-empty", "-m", message], nextDate());
      return runGit(work, ["rev-parse", "HEAD"]);
    };
    const first = { ...(options.thousandFiles ? thousandFiles() : {}), ...options.files };
    if (options.files !== undefined || options.thousandFiles) await commitIn({ message: "Begin", files: first });
    for (const commit of options.commits ?? []) await commitIn(commit);
    for (const [branch, files] of Object.entries(options.branches ?? {})) {
      await runGit(work, ["checkout", "--quiet", "-b", branch, "main"]);
      await commitIn({ message: `Work on ${branch}`, files });
      await runGit(work, ["checkout", "--quiet", "main"]);
    }
    for (const tag of options.tags ?? []) await runGit(work, ["tag", tag]);
    if (options.bare) {
      await runGit(dirname(path), ["clone", "--quiet", "--bare", work, path]);
      await runGit(path, ["remote", "remove", "origin"]);
      await rm(work, { recursive: true, force: true });
    }
    return {
      path,
      git: (...args) => runGit(path, args),
      commit: commitIn,
      commitId: (revision = "HEAD") => runGit(path, ["rev-parse", "--verify", `${revision}^{commit}`]),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
};
