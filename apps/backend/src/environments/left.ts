import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, opendir, readdir, readlink, rename, rm } from "node:fs/promises";
import { CcrError } from "@ccr/protocol";
import { soughtForms } from "./secret-text.ts";

/*
 * What a set-up leaves was in a stranger's hands: names are bytes, and lead nowhere. No link is followed, nothing of it is run, and git is not
 * asked. Its sandbox is gone before it is looked at, so that nothing changes meanwhile.
 */

/** What a dead sandbox left, and where it is to be. */
export type Leavings = {
  workspace: string;
  home: string;
  /** The paths of the commit's files: they come with every checkout, and are no part of it. */
  tracked: readonly string[];
  /** The folders of its repositories; none when there is one alone, which is the workspace itself. */
  directories: readonly string[];
  /** By their names. None may be in what is kept. */
  secrets: Readonly<Record<string, string>>;
};

export type Swept = { bytes: number; entries: number };

const ENTRIES_MAX = 3_000_000;
const DEPTH_MAX = 512;
const AT_ONCE = 32;
const CHUNK_BYTES = 1024 * 1024;
/** More cannot be looked through in any time that somebody waits for. */
const SOUGHT_BYTES_MAX = 200 * 1024 ** 3;
const BLOCK_BYTES = 512;
const ENTRY_MIN_BYTES = 1024;
/** Claude Code's own: what it is to know and to obey is not for a set-up to say. */
const CLAUDES = /^\.claude(\.json.*)?$/;

const NAMES = "latin1" as const;
const bytesOf = (path: string): Buffer => Buffer.from(path, NAMES);
const pathOf = (path: string): string => Buffer.from(path).toString(NAMES);
const textOf = (path: string): string => bytesOf(path).toString("utf8");

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : null);
const refuse = (why: string): CcrError => new CcrError("unprocessable", why);

/** Moves a name, also out of a folder that does not allow it, or that does not allow itself to be moved. */
const move = async (from: string, to: string): Promise<void> => {
  try {
    await rename(bytesOf(from), bytesOf(to));
  } catch (error) {
    if (codeOf(error) !== "EACCES" && codeOf(error) !== "EPERM") throw error;
    for (const path of [from.slice(0, from.lastIndexOf("/")), from]) {
      const found = await lstat(bytesOf(path));
      if (found.isDirectory()) await chmod(bytesOf(path), (found.mode & 0o777) | 0o700);
    }
    await rename(bytesOf(from), bytesOf(to));
  }
};

/** Moves all that git does not track to where it is kept, each as the largest whole of which nothing is tracked. */
const moveUntracked = async (
  workspace: string,
  { tracked, directories }: Pick<Leavings, "tracked" | "directories">,
  to: string,
): Promise<void> => {
  const files = new Set([...tracked, ".git", ...directories.map((directory) => `${directory}/.git`)]);
  const folders = new Set<string>(directories);
  for (const path of tracked)
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  const walk = async (below: string): Promise<void> => {
    let made = false;
    for (const name of await readdir(bytesOf(workspace + below), { encoding: NAMES })) {
      const path = `${below}/${name}`;
      if (files.has(path.slice(1))) continue;
      if (folders.has(path.slice(1))) {
        // What the script put into the place of a folder of the repository is nothing that a checkout has room for.
        if ((await lstat(bytesOf(workspace + path))).isDirectory()) await walk(path);
        continue;
      }
      if (!made) await mkdir(bytesOf(to + below), { recursive: true, mode: 0o755 });
      made = true;
      await move(workspace + path, to + path);
    }
  };
  await walk("");
};

type Sought = { name: string; forms: Buffer[] };

const findIn = (bytes: Buffer, sought: readonly Sought[]): string | null =>
  sought.find(({ forms }) => forms.some((form) => bytes.includes(form)))?.name ?? null;

/** The name of a secret that is in a file, in any of the encodings in which it is looked for. */
const searchFile = async (path: string, sought: readonly Sought[], signal: AbortSignal): Promise<string | null> => {
  const overlap = Math.max(...sought.flatMap(({ forms }) => forms.map((form) => form.length))) - 1;
  const file = await open(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
    for (let held = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, held, CHUNK_BYTES);
      if (bytesRead === 0) return null;
      const end = held + bytesRead;
      const found = findIn(buffer.subarray(0, end), sought);
      if (found !== null) return found;
      held = Math.min(overlap, end);
      buffer.copyWithin(0, end - held, end);
    }
  } finally {
    await file.close();
  }
};

/**
 * Looks through a folder and takes out what is no file, folder or link, and what would lend rights. Throws `unprocessable` when it cannot be
 * looked through as a whole, or when a secret is in it.
 */
const sweep = async (root: string, sought: readonly Sought[], signal: AbortSignal): Promise<Swept> => {
  const pending: { path: string; depth: number }[] = [{ path: pathOf(root), depth: 0 }];
  const swept: Swept = { bytes: 0, entries: 0 };
  let soughtBytes = 0;
  const shown = (path: string): string =>
    textOf(path.slice(pathOf(root).length + 1))
      .replace(/^home\//, "~/")
      .replace(/^workspace\//, "");
  const tell = (name: string | null, path: string): void => {
    if (name === null) return;
    throw refuse(
      `The secret ${name} is still in ${shown(path)}. Whatever is left is given to agents: let the script remove it at its end, or give it to a program in another way.`,
    );
  };
  const look = async ({ path, depth }: { path: string; depth: number }): Promise<void> => {
    const found = await lstat(bytesOf(path));
    swept.bytes += Math.max(found.blocks * BLOCK_BYTES, ENTRY_MIN_BYTES);
    if (sought.length > 0) tell(findIn(bytesOf(path.slice(path.lastIndexOf("/") + 1)), sought), path);
    if (found.isSymbolicLink()) {
      if (sought.length > 0) tell(findIn(await readlink(bytesOf(path), { encoding: "buffer" }), sought), path);
    } else if (found.isDirectory()) {
      if (depth >= DEPTH_MAX) throw refuse(`The folders that it left are nested more than ${DEPTH_MAX} deep.`);
      if ((found.mode & 0o7000) !== 0 || (found.mode & 0o500) !== 0o500) await chmod(bytesOf(path), (found.mode & 0o777) | 0o500);
      for await (const { name } of await opendir(bytesOf(path), { encoding: NAMES })) {
        pending.push({ path: `${path}/${name}`, depth: depth + 1 });
        if (swept.entries + pending.length > ENTRIES_MAX)
          throw refuse(`It left more than ${ENTRIES_MAX.toLocaleString("en")} files.`);
      }
    } else if (found.isFile()) {
      // Only what its owner may read can be copied.
      if ((found.mode & 0o7000) !== 0 || (found.mode & 0o400) === 0) await chmod(bytesOf(path), (found.mode & 0o777) | 0o400);
      if (sought.length === 0) return;
      soughtBytes += found.size;
      if (soughtBytes > SOUGHT_BYTES_MAX) throw refuse("It left too much to be looked through for secrets.");
      tell(await searchFile(path, sought, signal), path);
    } else await rm(bytesOf(path), { force: true });
  };
  while (pending.length > 0) {
    signal.throwIfAborted();
    const batch = pending.splice(-AT_ONCE);
    swept.entries += batch.length;
    const results = await Promise.allSettled(batch.map(look));
    for (const result of results) if (result.status === "rejected") throw explain(result.reason);
  }
  return swept;
};

const explain = (error: unknown): unknown =>
  codeOf(error) === "ENAMETOOLONG" ? refuse("The folders that it left are nested too deep to be looked through.") : error;

/**
 * Moves what a set-up left into the folders `workspace` and `home` below `to`, which is there and empty, and cleans it. Throws `CcrError` with
 * `unprocessable` when it must not be kept; the sentence says why and what to do.
 */
export const takeLeft = async (
  { workspace, home, tracked, directories, secrets }: Leavings,
  { to, removeFolder, signal }: { to: string; removeFolder: (path: string) => Promise<void>; signal: AbortSignal },
): Promise<Swept> => {
  await mkdir(`${to}/workspace`, { mode: 0o755 });
  try {
    await moveUntracked(pathOf(workspace), { tracked, directories }, pathOf(`${to}/workspace`));
    await move(pathOf(home), pathOf(`${to}/home`));
  } catch (error) {
    throw explain(error);
  }
  for (const name of await readdir(`${to}/home`)) if (CLAUDES.test(name)) await removeFolder(`${to}/home/${name}`);
  const sought = Object.entries(secrets).map(([name, value]) => ({
    name,
    forms: soughtForms(value).map((form) => Buffer.from(form)),
  }));
  return sweep(to, sought, signal);
};
