import { execFile } from "node:child_process";
import { lstat, mkdir, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GitCloneInput, parseRepository, RunId, type WorkSnapshot } from "@ccr/protocol";
import { createGitRepository, type RepositoryOptions, temporaryFolder } from "@ccr/testkit";
import { gitClone } from "../../../../../executor/src/git-clone.ts";
import { Snapshots } from "../../../../../executor/src/snapshot.ts";
import { StateFile } from "../../../../../executor/src/state.ts";
import { createMirrors } from "../mirrors.ts";
import { createKeptWork, type KeptWorkOptions } from "../work.ts";

export const RUN = RunId.parse("run_0123456789");
/** Its one repository. */
export const OF = { runId: RUN, directory: null };
export const signal = new AbortController().signal;

const execute = promisify(execFile);

/** Runs git with one identity and no settings of the machine, and gives its output without the last newline. */
export const runGit = async (cwd: string, args: readonly string[]): Promise<string> => {
  const identity = { NAME: "Ada Example", EMAIL: "ada@example.test", DATE: "2026-01-01T12:00:00Z" };
  const env: Record<string, string> = { PATH: process.env.PATH ?? "", GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  for (const [name, value] of Object.entries(identity)) {
    env[`GIT_AUTHOR_${name}`] = value;
    env[`GIT_COMMITTER_${name}`] = value;
  }
  const { stdout } = await execute("git", ["-c", "gc.auto=0", ...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.replace(/\n$/, "");
};

export const collect = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
};

/** The bytes in pieces of a size. */
export async function* pieces(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** Every file, link and executable bit below a folder, by the bytes of its name; without `.git`. */
export const contentsOf = async (folder: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  const walk = async (inner: Buffer): Promise<void> => {
    for (const name of await readdir(Buffer.concat([Buffer.from(`${folder}/`), inner]), { encoding: "buffer" })) {
      if (name.toString() === ".git") continue;
      const below = inner.length === 0 ? name : Buffer.concat([inner, Buffer.from("/"), name]);
      const path = Buffer.concat([Buffer.from(`${folder}/`), below]);
      const stat = await lstat(path);
      const key = below.toString("latin1");
      if (stat.isDirectory()) await walk(below);
      else if (stat.isSymbolicLink()) found[key] = `-> ${await readlink(path)}`;
      else found[key] = `${(stat.mode & 0o100) === 0 ? "" : "x "}${(await readFile(path)).toString("base64")}`;
    }
  };
  await walk(Buffer.alloc(0));
  return found;
};

const removeFolder = (path: string) => rm(path, { recursive: true, force: true });

/** A repository, its mirror, a workspace cloned from it, and a place to keep the workspace's work. */
export const keptPlace = async (
  files: RepositoryOptions["files"] = { "README.md": "hello\n" },
  options: Partial<KeptWorkOptions> = {},
) => {
  const folder = await temporaryFolder();
  const origin = await createGitRepository({ path: folder.join("roots", "origin"), files });
  const dataDir = folder.join("data");
  const environment = { PATH: process.env.PATH };
  let minutes = 0; // calls within a second share a fetch
  const now = () => new Date(Date.UTC(2026, 0, 1, 0, minutes++));
  const mirrors = createMirrors({ dataDir, localRepositoryRoots: [folder.join("roots")], environment, now });
  const parsed = parseRepository(origin.path);
  if (!parsed.ok) throw new Error(parsed.message);
  const mirror = await mirrors.ensure(parsed.address, { report: () => {}, signal });
  const home = folder.join("home");
  const workspace = folder.join("workspace");
  await mkdir(home);
  const env = { PATH: process.env.PATH ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const state = await StateFile.open(folder.join("state"));
  const input = GitCloneInput.parse({ repositoryUrl: origin.path, mirrorPath: mirror.mirrorPath });
  await gitClone(input, { home, env, workspace, state, signal });
  const snapshots = new Snapshots({ workspace, scratch: folder.join("scratch"), env, state });
  const open = (more: Partial<KeptWorkOptions> = {}) =>
    createKeptWork({ dataDir, mirrors, removeFolder, environment, ...options, ...more });
  const kept = open();
  const run = { ...OF, repository: origin.path };
  const bundleOf = async (snapshot: WorkSnapshot) => collect((await snapshots.bundle(snapshot.snapshotCommit, signal)).chunks);
  return {
    folder,
    origin,
    dataDir,
    mirrors,
    mirror,
    workspace,
    snapshots,
    kept,
    open,
    run,
    bundleOf,
    file: (name: string) => join(workspace, name),
    git: (...args: string[]) => runGit(workspace, args),
    /** Takes a snapshot and keeps it, as the run engine does. */
    keep: async (): Promise<WorkSnapshot> => {
      const snapshot = await snapshots.take(signal);
      const { chunks } = await snapshots.bundle(snapshot.snapshotCommit, signal);
      await kept.keep(run, { snapshot, bundle: chunks }, signal);
      return snapshot;
    },
    restored: async (store = kept): Promise<string> => {
      const to = folder.join(`restored-${Math.random()}`);
      if (!(await store.restore(OF, to, signal))) throw new Error("nothing is kept");
      return to;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};
