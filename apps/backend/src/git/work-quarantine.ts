import { copyFile, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, parseSnapshotCommit, SNAPSHOT_REF, type SnapshotRefs, type WorkSnapshot } from "@ccr/protocol";
import { type GitCommand, runGit, streamGit } from "./command.ts";
import { gitEnvironment, HARMLESS } from "./environment.ts";
import { lastWord, scrub } from "./failure.ts";
import { readBundleHeader } from "./work-bundle.ts";

export interface QuarantineOptions {
  /** An empty folder, for this alone. */
  folder: string;
  /** The bundle's file. */
  bundle: string;
  snapshot: WorkSnapshot;
  /** Where the commits are that the bundle builds on; null: it must hold everything. */
  mirrorPath: string | null;
  server: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

/** A bare repository with what a bundle holds, every object of it checked. */
export interface Quarantine {
  path: string;
  /** HEAD and branches of the workspace. */
  refs: SnapshotRefs;
  git(args: readonly string[], input?: Uint8Array): Promise<string>;
  stream(args: readonly string[]): AsyncGenerator<Buffer>;
}

// What was made by a stranger may be made to be slow or large; honest work of the greatest size is done within these.
const STEP_MS = 10 * 60_000;
const MEMORY_MB = 4096;
const COMMIT_MAX_BYTES = 2 * 1024 * 1024;
// Several times what the largest repositories have that people work with.
const FILES_MAX = 5_000_000;
export const BUNDLE_MAX_BYTES = 2 * 1024 * 1024 * 1024;

const SETTINGS = [
  "core.packedGitLimit=256m",
  "core.packedGitWindowSize=16m",
  "core.bigFileThreshold=64m",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "pack.threads=1",
].flatMap((setting) => ["-c", setting]);

const DISK_FULL = /No space left on device|Disk quota exceeded/i;

/** Asks git about repositories of ours that hold what a stranger made; throws `unprocessable` with git's reason when it fails. */
export const strictGit = (options: Pick<QuarantineOptions, "folder" | "server" | "signal">) => {
  const { folder, server, signal } = options;
  const environment = {
    ...gitEnvironment({
      address: { transport: "local", path: folder, display: folder },
      pinned: [],
      credential: null,
      globalConfig: null,
      server,
      stallSeconds: 60,
    }),
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
  };
  const command = (args: readonly string[], input?: GitCommand["input"]): GitCommand => ({
    args: [...SETTINGS, ...args],
    environment,
    cwd: folder,
    timeoutMs: STEP_MS,
    memoryMb: MEMORY_MB,
    ...(input === undefined ? {} : { input }),
  });
  return {
    run: async (args: readonly string[], input?: GitCommand["input"]): Promise<string> => {
      const outcome = await runGit(command(args, input), signal);
      if (outcome.kind === "exited" && outcome.code === 0) return outcome.output;
      if (outcome.kind === "exited" && DISK_FULL.test(outcome.errors)) {
        throw new CcrError("disk_full", "The server's disk is full: the work could not be kept.");
      }
      const why = outcome.kind === "exited" ? lastWord(scrub(outcome.errors, [])) : "it took too long";
      throw new CcrError("unprocessable", `The work cannot be taken as it is: ${why === "" ? "git refused it" : why}`);
    },
    stream: (args: readonly string[]) => streamGit(command(args), signal),
  };
};

const refuse = (why: string): CcrError => new CcrError("unprocessable", `The bundle cannot be kept: ${why}.`);

const collect = async (chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw refuse("its snapshot is described at too great a length");
    parts.push(chunk);
  }
  return Buffer.concat(parts);
};

/** Gives up on a tree that names the same folder a billion times before anything else walks through it. */
const checkCount = async (entries: AsyncIterable<Buffer>): Promise<void> => {
  let files = 0;
  for await (const chunk of entries) {
    files += chunk.length; // one NUL each
    if (files > FILES_MAX) throw refuse(`it has more than ${FILES_MAX.toLocaleString("en")} files`);
  }
};

const FSCK = `--strict=${HARMLESS.map((name) => `${name}=ignore`).join(",")}`;

/**
 * Unpacks a bundle into a repository of its own, beside nothing, and checks all of it: every object by git's own rules, that it holds the
 * snapshot and all that this leads to, and that it builds on the snapshot's base commit alone. Throws `unprocessable` otherwise.
 */
export const openQuarantine = async (options: QuarantineOptions): Promise<Quarantine> => {
  const { folder, bundle, snapshot, mirrorPath } = options;
  const { baseCommit, headCommit, snapshotCommit } = snapshot;
  const path = join(folder, "repository.git");
  const plain = strictGit(options);
  const git = (args: readonly string[], input?: GitCommand["input"]) => plain.run([`--git-dir=${path}`, ...args], input);
  const stream = (args: readonly string[]) => plain.stream([`--git-dir=${path}`, ...args]);

  await plain.run([
    "init",
    "--quiet",
    "--bare",
    "--template=",
    `--object-format=${snapshotCommit.length === 64 ? "sha256" : "sha1"}`,
    "--",
    path,
  ]);
  if (mirrorPath !== null) {
    await writeFile(join(path, "objects", "info", "alternates"), `${JSON.stringify(join(mirrorPath, "objects"))}\n`);
    await copyFile(join(mirrorPath, "shallow"), join(path, "shallow")).catch(() => {}); // most are whole
  }
  await using file = await open(bundle, "r");
  const header = await readBundleHeader(file);
  if (typeof header === "string") throw refuse(header);
  const found = header.refs.find(({ name }) => name === SNAPSHOT_REF);
  if (found?.commit !== snapshotCommit) throw refuse("the snapshot is not in it");
  // First of all that what it says it builds on is what we have: nothing else is pinned.
  if (header.prerequisites.length > 0) {
    if (baseCommit === null) throw refuse("it builds on commits that the snapshot does not name");
    const outside = Buffer.from(`${header.prerequisites.join("\n")}\n^${baseCommit}\n`);
    if ((await git(["rev-list", "--count", "--stdin"], outside)).trim() !== "0") {
      throw refuse("it builds on commits that are no part of its base");
    }
  }
  await git(["index-pack", "--stdin", "--fix-thin", FSCK, `--max-input-size=${BUNDLE_MAX_BYTES}`], file);
  await git(["cat-file", "-e", `${snapshotCommit}^{commit}`]);
  const { parents, message } = parseSnapshotCommit(
    (await collect(stream(["cat-file", "commit", snapshotCommit]), COMMIT_MAX_BYTES)).toString("latin1"),
  );
  if (message === null) throw refuse("its snapshot is not described as snapshots are");
  if (parents.join(" ") !== (headCommit ?? "")) throw refuse("its snapshot does not follow the HEAD that it names");
  const roots = new Set([
    snapshotCommit,
    ...header.refs.map(({ commit }) => commit),
    ...message.refs.map(({ commit }) => commit),
  ]);
  const base = baseCommit === null ? [] : [`^${baseCommit}`];
  // Reads every object that is not the base's own: one that is missing is an error.
  await git(["rev-list", "--objects", "--quiet", "--stdin"], Buffer.from(`${[...roots, ...base].join("\n")}\n`));
  await checkCount(stream(["ls-tree", "-r", "-z", "--format=", snapshotCommit]));
  return { path, refs: message, git, stream };
};
