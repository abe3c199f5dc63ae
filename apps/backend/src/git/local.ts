import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { MirrorError } from "./failure.ts";

/** A repository on this machine: where it really is, and every folder in which git keeps a part of it. */
export interface LocalRepository {
  path: string;
  gitFolder: string;
}

const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};

const findReal = (path: string): Promise<string | null> => realpath(path).catch(() => null);

const readText = (path: string): Promise<string | null> => readFile(path, "utf8").catch(() => null);

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

// Alternates of alternates are rare, and five is as far as git itself follows them.
const ALTERNATES_DEPTH = 5;

/**
 * Checks a local path: it and every place that git would read for it (a `.git` file's target, a worktree's main repository, the object
 * stores that it borrows from) must really lie under one of the roots. What agents write must never pass for a repository, so nothing
 * below `closedFolder` is taken, unless by a root that lies there itself. Throws a `MirrorError` that says what is wrong.
 */
export const checkLocalRepository = async (
  path: string,
  { roots, closedFolder }: { roots: readonly string[]; closedFolder: string },
): Promise<LocalRepository> => {
  const refuse = (why: string) => new MirrorError("repository_unreachable", why);
  const realRoots = (await Promise.all(roots.map(findReal))).filter((root) => root !== null);
  const closed = (await findReal(closedFolder)) ?? resolve(closedFolder);
  const inside = (real: string) =>
    realRoots.some((root) => isWithin(root, real) && (!isWithin(closed, real) || isWithin(closed, root)));
  const named = roots.length === 0 ? "no folder is named there" : `named there: ${roots.join(", ")}`;
  const outside = `Local repositories are taken from the folders in CCR_LOCAL_REPOSITORIES alone (${named}); ${path}`;
  // The same words whether it exists or not: a path outside is not to be probed.
  if (!roots.some((root) => isWithin(resolve(root), resolve(path))) && !realRoots.some((root) => isWithin(root, resolve(path)))) {
    throw refuse(`${outside} is not under one of them.`);
  }
  const real = await findReal(path);
  if (real === null) throw refuse(`There is nothing at ${path}.`);
  if (!inside(real)) throw refuse(`${outside} leads out of them.`);

  const mustBeInside = async (part: string, what: string): Promise<string> => {
    const found = await findReal(part);
    if (found === null) throw refuse(`${path} is not a whole git repository: its ${what} is missing.`);
    if (!inside(found)) throw refuse(`${outside} keeps its ${what} outside of them.`);
    return found;
  };

  const findGitFolder = async (): Promise<string> => {
    const dotGit = join(real, ".git");
    if (await isFolder(dotGit)) return mustBeInside(dotGit, "git folder");
    const pointer = /^gitdir: (.+?)\n*$/.exec((await readText(dotGit)) ?? "")?.[1];
    if (pointer !== undefined) return mustBeInside(resolve(real, pointer), "git folder");
    if ((await readText(join(real, "HEAD"))) !== null && (await isFolder(join(real, "objects")))) return real;
    throw refuse(`${path} is not a git repository.`);
  };

  const checkObjects = async (objects: string, depth: number): Promise<void> => {
    const found = await mustBeInside(objects, "object store");
    const alternates = await readText(join(found, "info", "alternates"));
    if (alternates === null) return;
    if (depth === 0) throw refuse(`${path} borrows its objects through too many repositories.`);
    for (const line of alternates.split("\n")) {
      if (line !== "" && !line.startsWith("#")) await checkObjects(resolve(found, line), depth - 1);
    }
  };

  const gitFolder = await findGitFolder();
  const common = await readText(join(gitFolder, "commondir"));
  const main = common === null ? gitFolder : await mustBeInside(resolve(gitFolder, common.trimEnd()), "main repository");
  await checkObjects(join(main, "objects"), ALTERNATES_DEPTH);
  await mustBeInside(join(main, "refs"), "list of branches");
  return { path: real, gitFolder };
};

/**
 * The settings that let git serve this one repository although another user of the machine owns it. They must stand in a file: git takes
 * settings from its environment away from the program that serves a local path.
 */
export const localSettings = ({ path, gitFolder }: LocalRepository): string => {
  const quote = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
  const folders = new Set([path, gitFolder, dirname(gitFolder)]);
  return `[safe]\n${[...folders].map((folder) => `\tdirectory = ${quote(folder)}\n`).join("")}`;
};
