import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Compare, PATCH_MAX_BYTES, parseChanges, readPatch, type WorkSnapshot, type WorkspaceDiff } from "@ccr/protocol";
import type { Quarantine } from "./work-quarantine.ts";

/** Names that are looked at; a work that has more uncommitted files than this is told of with the first of them. */
const UNCOMMITTED_MAX = 10_000;
const LISTED_MAX_BYTES = 64 * 1024 * 1024;

/** What a work changes, read where no setting and no attribute of the workspace counts. */
export type WorkChanges = {
  diff: WorkspaceDiff;
  /**
   * The files of the base commit that the agent changed and did not commit, though it did commit something; none when it committed nothing, since
   * all of it is committed for it then.
   */
  uncommitted: string[];
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const read = async (chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<{ stdout: Uint8Array; truncated: boolean }> => {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const left = maxBytes - bytes;
    parts.push(chunk.subarray(0, left));
    bytes += chunk.length;
    if (bytes > maxBytes) return { stdout: Buffer.concat(parts), truncated: true };
  }
  return { stdout: Buffer.concat(parts), truncated: false };
};

/** What is compared where nothing was before. */
const emptyTree = async ({ git }: Quarantine): Promise<string> =>
  (await git(["hash-object", "-w", "-t", "tree", "--stdin"], Buffer.alloc(0))).trim();

/** A commit or tree as a tree that has all of it in a folder; without a folder it stays as it is. */
const inFolder = async ({ git }: Quarantine, revision: string, directory: string | null): Promise<string> => {
  if (directory === null) return revision;
  const tree = (await git(["rev-parse", "--verify", `${revision}^{tree}`])).trim();
  return (await git(["mktree"], Buffer.from(`040000 tree ${tree}\t${directory}\n`))).trim();
};

/** Reads what a snapshot in quarantine changes; files are named by their paths in the workspace, in which the repository has this folder. */
export const readChanges = async (
  quarantine: Quarantine,
  snapshot: WorkSnapshot,
  directory: string | null,
): Promise<WorkChanges> => {
  const { baseCommit, headCommit, snapshotCommit } = snapshot;
  const base = baseCommit ?? (await emptyTree(quarantine));
  const between = (from: string, to: string): Compare => {
    return async (args, attributes) => {
      await mkdir(join(quarantine.path, "info"), { recursive: true });
      await writeFile(join(quarantine.path, "info", "attributes"), attributes ?? "");
      const fixed = ["diff-tree", "-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index"];
      return read(quarantine.stream([...fixed, "--ignore-submodules=none", ...args, from, to, "--"]), LISTED_MAX_BYTES);
    };
  };
  const all = between(await inFolder(quarantine, base, directory), await inFolder(quarantine, snapshotCommit, directory));
  const files = parseChanges(text((await all(["--raw", "-z"])).stdout), text((await all(["--numstat", "-z"])).stdout));
  const patch = await readPatch(all, PATCH_MAX_BYTES);
  const diff = { baseCommit: base, headCommit: headCommit ?? base, files, ...patch };
  if (headCommit === null || headCommit === base) return { diff, uncommitted: [] };
  const namesIn = async (from: string, to: string, statuses: string): Promise<string[]> => {
    const args = ["--no-renames", "--name-only", "-z", `--diff-filter=${statuses}`];
    return text((await between(from, to)(args)).stdout)
      .split("\0")
      .filter(Boolean);
  };
  const added = new Set(await namesIn(base, headCommit, "A"));
  const changed = (await namesIn(headCommit, snapshotCommit, "MDT")).filter((path) => !added.has(path));
  const uncommitted = changed.slice(0, UNCOMMITTED_MAX).map((path) => (directory === null ? path : `${directory}/${path}`));
  return { diff, uncommitted };
};

/** A patch of all that a snapshot in quarantine changes, as `git apply` takes it: with every file in this folder, if there is one. */
export const streamPatch = async (
  quarantine: Quarantine,
  snapshot: WorkSnapshot,
  directory: string | null,
): Promise<AsyncGenerator<Buffer>> => {
  const base = snapshot.baseCommit ?? (await emptyTree(quarantine));
  return quarantine.stream([
    "diff-tree",
    "-r",
    "-p",
    "-M",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    await inFolder(quarantine, base, directory),
    await inFolder(quarantine, snapshot.snapshotCommit, directory),
    "--",
  ]);
};
