import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, type GitCloneInput, type GitCloneResult, parseSnapshotCommit, type SnapshotRefs } from "@ccr/protocol";
import { isDiskFull, lastGitLine, runGit } from "./git.ts";
import type { CommandOutput } from "./run-command.ts";

/** What to check out of a bundle, in a clone of the mirror that it builds on. */
export interface BundleSource {
  mirrorPath: string;
  bundlePath: string;
  /** The full name of a commit. */
  commit: string;
  /** See `GitCloneInput`; null: the commit is checked out, and that is all. */
  baseCommit: string | null;
}

export interface InWorkspace {
  workspace: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

type Run = (args: readonly string[], input?: string | Buffer) => Promise<CommandOutput>;

// A thousand branches with names of the greatest length fit.
const HEADER_MAX_BYTES = 1024 * 1024;
const FULL_COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

// The content was taken without any filter, and is put back without any. (git asks for a trusted folder all the same.)
const PLAIN_SETTINGS = ["-c", "safe.directory=*", "-c", "core.attributesFile=/dev/null"];
const PLAIN_ENV = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1" };

const refuse = (why: string): CcrError => new CcrError("unprocessable", `The bundle cannot be used: ${why}.`);

const gitRefuses = (what: string, { stderr }: CommandOutput): CcrError =>
  isDiskFull(stderr)
    ? new CcrError("disk_full", "The sandbox's disk is full: the bundle could not be unpacked.")
    : refuse(`${what}: ${lastGitLine(stderr)}`);

/** The bundle that a request names, or null. Throws `bad_request` for one that is not asked for as it must be. Pure. */
export const readBundleSource = ({ mirrorPath, bundlePath, ref, baseCommit }: GitCloneInput): BundleSource | null => {
  if (baseCommit !== undefined && !FULL_COMMIT.test(baseCommit))
    throw new CcrError("bad_request", "baseCommit: give the full name of the commit on which the work was begun");
  if (bundlePath === undefined) {
    if (baseCommit === undefined) return null;
    throw new CcrError("bad_request", "baseCommit: only the work of a bundle is gone on with; give bundlePath too");
  }
  if (bundlePath.split("/").includes("..")) throw new CcrError("bad_request", "bundlePath: the path has a '..'");
  if (mirrorPath === undefined) {
    throw new CcrError("bad_request", "bundlePath: a bundle builds on what a mirror has; give mirrorPath too");
  }
  if (ref === undefined || !FULL_COMMIT.test(ref)) {
    throw new CcrError("bad_request", "ref: give the full name of the commit that is to be checked out of the bundle");
  }
  return { mirrorPath, bundlePath, commit: ref, baseCommit: baseCommit ?? null };
};

/** The commits that a bundle builds on, from what stands before its pack. */
const readPrerequisites = async (path: string): Promise<string[]> => {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw refuse(`${path} cannot be read (${error.code})`);
  });
  try {
    const start = Buffer.alloc(HEADER_MAX_BYTES);
    const { bytesRead } = await file.read(start, 0, start.length, 0).catch((error: NodeJS.ErrnoException) => {
      throw refuse(`${path} cannot be read (${error.code})`);
    });
    const end = start.subarray(0, bytesRead).indexOf("\n\n");
    const [signature = "", ...lines] = start.toString("latin1", 0, Math.max(0, end)).split("\n");
    if (!/^# v[23] git bundle$/.test(signature)) throw refuse(`${path} is no git bundle`);
    // One that is made with a filter leaves objects out, which nobody could fetch later.
    const strange = lines.find((line) => line.startsWith("@") && !line.startsWith("@object-format="));
    if (strange !== undefined) throw refuse(`it wants '${strange.slice(0, 60)}', which is not taken`);
    const commits = lines.filter((line) => line.startsWith("-")).map((line) => line.slice(1).split(" ", 1)[0] ?? "");
    if (!commits.every((commit) => FULL_COMMIT.test(commit))) throw refuse(`${path} is no git bundle`);
    return commits;
  } finally {
    await file.close();
  }
};

/**
 * Takes every object of a bundle into the workspace's clone of the mirror. The bundle's branches are not set. Throws `unprocessable` for a bundle
 * that is none, that builds on what the mirror does not have, or that does not hold the commit and all that it leads to.
 */
export const unpackBundle = async (
  { mirrorPath, bundlePath, commit, baseCommit }: BundleSource,
  { workspace, env, signal }: InWorkspace,
): Promise<void> => {
  const run = (args: readonly string[], input = "") => runGit(args, { cwd: workspace, env, signal, input });
  const prerequisites = await readPrerequisites(bundlePath);
  const needed = [...new Set([...prerequisites, ...(baseCommit === null ? [] : [baseCommit])])];
  const lines = needed.map((each) => `${each}\n`).join("");
  const known = await run(["cat-file", "--batch-check=%(objecttype)"], lines);
  if (known.stdout.toString("utf8") !== "commit\n".repeat(needed.length)) {
    // A clone need not bring what no branch of the mirror leads to any more. By their names the mirror gives them all the same.
    const fetched = await runGit(
      [
        "-c",
        "protocol.version=2",
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--update-shallow",
        "--stdin",
        "--",
        mirrorPath,
      ],
      { cwd: workspace, env: { ...env, GIT_ALLOW_PROTOCOL: "file" }, signal, input: lines },
    );
    if (fetched.code !== 0) throw gitRefuses("it builds on commits that the mirror does not have", fetched);
  }
  const unpacked = await run(["bundle", "unbundle", bundlePath]);
  if (unpacked.code !== 0) throw gitRefuses("git cannot unpack it", unpacked);
  const found = await run(["rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{commit}`]);
  if (found.code !== 0 || found.stdout.toString("utf8").trim() !== commit) {
    throw refuse(`it does not hold the commit ${commit}`);
  }
  // git has only looked at whether each object is one: something that it leads to may be missing.
  const whole = await run(
    ["rev-list", "--objects", "--quiet", "--stdin", commit, "--not", "--all", "--"],
    prerequisites.map((each) => `^${each}\n`).join(""),
  );
  if (whole.code !== 0) throw gitRefuses("objects are missing from it", whole);
};

/** Unpacks a bundle, as `unpackBundle` does, and checks its commit out, detached. Nothing in it is run, and no filter is. */
export const checkOutBundle = async (source: BundleSource, inWorkspace: InWorkspace): Promise<GitCloneResult> => {
  await unpackBundle(source, inWorkspace);
  const { workspace, env, signal } = inWorkspace;
  const { commit } = source;
  const checkedOut = await runGit(
    [...PLAIN_SETTINGS, "checkout", "--quiet", "--force", "--no-recurse-submodules", "--detach", commit, "--"],
    { cwd: workspace, env: { ...env, ...PLAIN_ENV }, signal },
  );
  if (checkedOut.code !== 0) throw gitRefuses("its files cannot be checked out", checkedOut);
  return { commit, branch: null };
};

/** What a snapshot says of HEAD and the branches. */
const readRefs = async (commit: string, run: Run): Promise<SnapshotRefs> => {
  const { code, stdout } = await run(["cat-file", "commit", commit]);
  const message = code === 0 ? parseSnapshotCommit(stdout.toString("latin1")).message : null;
  if (message === null) throw refuse("its commit is not the snapshot of a workspace");
  return message;
};

const commitsIn = ({ head, refs }: SnapshotRefs): string[] => [
  ...refs.map(({ commit }) => commit),
  ...("commit" in head ? [head.commit] : []),
];

/** What makes the local branches those of the snapshot, for `git update-ref --stdin`; a clone has one of its own already. Pure. */
const refUpdates = ({ refs }: SnapshotRefs, present: readonly string[]): Buffer => {
  const names = new Set(refs.map(({ name }) => name));
  const lines = [
    ...present.filter((name) => !names.has(name)).map((name) => `delete ${name}\n`),
    ...refs.map(({ name, commit }) => `update ${name} ${commit}\n`),
  ];
  return Buffer.from(lines.join(""), "latin1");
};

/**
 * Unpacks a bundle, as `unpackBundle` does, and makes the workspace what it was when its snapshot was taken: HEAD and branches, files, and what was not
 * committed not committed. Gives the commit on which that work was begun. Nothing in it is run, and no filter is.
 */
export const goOnWithBundle = async (
  source: BundleSource & { baseCommit: string },
  inWorkspace: InWorkspace,
): Promise<GitCloneResult> => {
  await unpackBundle(source, inWorkspace);
  const { workspace, env, signal } = inWorkspace;
  const run: Run = (args, input = "") => runGit(args, { cwd: workspace, env, signal, input });
  const plain: Run = (args, input = "") =>
    runGit([...PLAIN_SETTINGS, ...args], { cwd: workspace, env: { ...env, ...PLAIN_ENV }, signal, input });
  const must = async (what: string, done: Promise<CommandOutput>): Promise<string> => {
    const output = await done;
    if (output.code !== 0) throw gitRefuses(what, output);
    return output.stdout.toString("latin1");
  };
  const { commit, baseCommit } = source;
  const refs = await readRefs(commit, run);
  const lines = commitsIn(refs).map((each) => `${each}\n`);
  const allThere = run(["rev-list", "--objects", "--quiet", "--stdin", "--not", "--remotes", "--tags"], lines.join(""));
  await must("objects of its branches are missing from it", allThere);
  const present = (await must("its branches cannot be set", run(["for-each-ref", "--format=%(refname)", "refs/heads"])))
    .split("\n")
    .filter((name) => name !== "");
  await must("its branches cannot be set", run(["update-ref", "--create-reflog", "--stdin"], refUpdates(refs, present)));
  const { head } = refs;
  const name = "ref" in head ? Buffer.from(head.ref, "latin1").toString("utf8") : null;
  if (!("ref" in head)) await must("its HEAD cannot be set", run(["update-ref", "--no-deref", "HEAD", head.commit]));
  // Names are bytes to git, and an argument of ours is text.
  else await writeFile(join(workspace, ".git/HEAD"), Buffer.from(`ref: ${head.ref}\n`, "latin1"));
  await must("its files cannot be checked out", plain(["read-tree", "-u", "--reset", commit]));
  const found = await run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  const headCommit = found.code === 0 ? found.stdout.toString("utf8").trim() : "--empty";
  await must("its files cannot be checked out", plain(["read-tree", headCommit]));
  await plain(["update-index", "-q", "--refresh"]); // its exit code says that something is not committed
  const branch = name?.slice("refs/heads/".length) ?? null;
  // As a clone has it; a branch that is the agent's own has none.
  if (branch !== null) await run(["branch", "--quiet", `--set-upstream-to=refs/remotes/origin/${branch}`, branch]);
  return { commit: baseCommit, branch };
};
