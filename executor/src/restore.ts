import { appendFile, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type RestoreInput, type RestoreResult } from "@ccr/protocol";
import { runCommand } from "./run-command.ts";

export interface RestoreOptions {
  workspace: string;
  /** The folders of the workspace that are clones; none when the workspace itself is one. */
  directories: readonly string[];
  home: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

// A command's arguments may be two megabytes long together; a name has at most 255 bytes.
const NAMES_AT_ONCE = 2000;
const SKIPPED_MAX = 100;

// A file's name is bytes, not text.
const NAMES = "latin1" as const;
const bytesOf = (path: string): Buffer => Buffer.from(path, NAMES);
const textOf = (path: string): string => bytesOf(path).toString("utf8");

type Merge = {
  /** Whether what is in the way of a file is replaced. */
  replaces: boolean;
  /** What came, and what was in the way, by their paths below the destination. */
  placed: string[];
  skipped: string[];
};

/** The line of `.git/info/exclude` for one path and no other; null for a path that no line can name. Pure. */
export const excludeLine = (path: string): string | null =>
  /[\r\n]/.test(path) ? null : `/${path.replace(/[\\*?[\]#!]/g, "\\$&").replace(/ +$/, (spaces) => "\\ ".repeat(spaces.length))}`;

/** Copies with the system's own program, which lets the file system share what is the same where it can. */
const copy = async (
  from: string,
  to: string,
  { names, env, signal }: { names: readonly string[] } & Pick<RestoreOptions, "env" | "signal">,
): Promise<void> => {
  for (let at = 0; at < names.length; at += NAMES_AT_ONCE) {
    // NUL ends each name, so that none is taken apart, or for an option.
    const input = Buffer.concat(names.slice(at, at + NAMES_AT_ONCE).map((name) => bytesOf(`${name}\0`)));
    const args = ["-0", "-r", "cp", "--archive", "--reflink=auto", `--target-directory=${textOf(to)}`, "--"];
    const { code, stderr } = await runCommand("xargs", args, { cwd: textOf(from), env, input, signal });
    if (code === 0) continue;
    const isFull = /No space left on device|Disk quota exceeded/i.test(stderr);
    throw new CcrError(
      isFull ? "disk_full" : "internal",
      `What the set-up left could not be copied: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    );
  }
};

const isFolder = (path: string): Promise<boolean | null> =>
  lstat(bytesOf(path)).then(
    (found) => found.isDirectory(),
    () => null,
  );

/** Copies what a folder holds into another one: as a whole where nothing is in the way, and piece by piece where a folder is. Follows no link. */
const merge = async (
  { from, to, below }: { from: string; to: string; below: string },
  { merged, ...options }: { merged: Merge } & Pick<RestoreOptions, "env" | "signal">,
): Promise<void> => {
  const free: string[] = [];
  // A program's arguments are text.
  const isNamed = Buffer.from(textOf(to)).equals(bytesOf(to));
  for (const name of await readdir(bytesOf(from), { encoding: NAMES })) {
    options.signal.throwIfAborted();
    const path = below === "" ? name : `${below}/${name}`;
    const place = `${to}/${name}`;
    const [isNew, isThere] = [await isFolder(`${from}/${name}`), await isFolder(place)];
    if (isThere === true && isNew === true)
      await merge({ from: `${from}/${name}`, to: place, below: path }, { merged, ...options });
    else if (isThere === null && isNamed) free.push(name);
    else if (isThere === false && isNew === false && merged.replaces) {
      await rm(bytesOf(place), { force: true });
      free.push(name);
    } else merged.skipped.push(path);
  }
  await copy(from, to, { names: free, ...options });
  merged.placed.push(...free.map((name) => (below === "" ? name : `${below}/${name}`)));
};

/** Lets a clone's git not see these paths, which are below it. */
const exclude = async (clone: string, paths: readonly string[]): Promise<void> => {
  const lines = paths.map(excludeLine).filter((line) => line !== null);
  if (lines.length === 0) return;
  await mkdir(join(clone, ".git", "info"), { recursive: true });
  await appendFile(join(clone, ".git", "info", "exclude"), bytesOf(`${lines.join("\n")}\n`));
};

/**
 * Copies what a set-up has left into the home and the workspace. In the workspace what the repositories have stays, and what comes is written
 * down as nothing of the work; what comes beside the clones is none anyhow.
 */
export const restore = async ({ from }: RestoreInput, options: RestoreOptions): Promise<RestoreResult> => {
  if (from.split("/").includes("..")) throw new CcrError("bad_request", "from: the path has a '..'");
  const { workspace, directories, home, env, signal } = options;
  const intoHome: Merge = { replaces: true, placed: [], skipped: [] };
  const intoWorkspace: Merge = { replaces: false, placed: [], skipped: [] };
  await merge({ from: join(from, "home"), to: home, below: "" }, { merged: intoHome, env, signal });
  await merge({ from: join(from, "workspace"), to: workspace, below: "" }, { merged: intoWorkspace, env, signal });
  const { placed } = intoWorkspace;
  if (directories.length === 0) await exclude(workspace, placed);
  for (const directory of directories) {
    const within = placed.filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1));
    await exclude(join(workspace, directory), within);
  }
  const skipped = [...intoHome.skipped.map((path) => `~/${path}`), ...intoWorkspace.skipped].map(textOf);
  return { skipped: skipped.slice(0, SKIPPED_MAX) };
};
