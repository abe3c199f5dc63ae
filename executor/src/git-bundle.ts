import { open } from "node:fs/promises";
import { CcrError, type GitCloneInput, type GitCloneResult } from "@ccr/protocol";
import { isDiskFull, lastGitLine, runGit } from "./git.ts";
import type { CommandOutput } from "./run-command.ts";

/** What to check out of a bundle, in a clone of the mirror that it builds on. */
export interface BundleSource {
  mirrorPath: string;
  bundlePath: string;
  /** The full name of a commit. */
  commit: string;
}

interface InWorkspace {
  workspace: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

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
export const readBundleSource = ({ mirrorPath, bundlePath, ref }: GitCloneInput): BundleSource | null => {
  if (bundlePath === undefined) return null;
  if (bundlePath.split("/").includes("..")) throw new CcrError("bad_request", "bundlePath: the path has a '..'");
  if (mirrorPath === undefined) {
    throw new CcrError("bad_request", "bundlePath: a bundle builds on what a mirror has; give mirrorPath too");
  }
  if (ref === undefined || !FULL_COMMIT.test(ref)) {
    throw new CcrError("bad_request", "ref: give the full name of the commit that is to be checked out of the bundle");
  }
  return { mirrorPath, bundlePath, commit: ref };
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
 * Takes every object of a bundle into the workspace's clone of the mirror, and checks the commit out, detached. The bundle's branches are
 * not set, nothing in it is run, and no filter is. Throws `unprocessable` for a bundle that is none, that builds on what the mirror does
 * not have, or that does not hold the commit and all that it leads to.
 */
export const checkOutBundle = async (source: BundleSource, { workspace, env, signal }: InWorkspace): Promise<GitCloneResult> => {
  const { mirrorPath, bundlePath, commit } = source;
  const run = (args: readonly string[], input = "") => runGit(args, { cwd: workspace, env, signal, input });
  const prerequisites = await readPrerequisites(bundlePath);
  const lines = prerequisites.map((each) => `${each}\n`).join("");
  const known = await run(["cat-file", "--batch-check=%(objecttype)"], lines);
  if (known.stdout.toString("utf8") !== "commit\n".repeat(prerequisites.length)) {
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
  const checkedOut = await runGit(
    [...PLAIN_SETTINGS, "checkout", "--quiet", "--force", "--no-recurse-submodules", "--detach", commit, "--"],
    { cwd: workspace, env: { ...env, ...PLAIN_ENV }, signal },
  );
  if (checkedOut.code !== 0) throw gitRefuses("its files cannot be checked out", checkedOut);
  return { commit, branch: null };
};
