import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CcrError } from "@ccr/protocol";
import type { KeptRecord } from "./work-files.ts";
import { type Quarantine, strictGit } from "./work-quarantine.ts";

export interface RestoreOptions {
  /** Where the checkout is to be; must be empty, or not there. */
  folder: string;
  record: KeptRecord;
  quarantine: Quarantine;
  /** null: there is none, and the bundle holds everything. */
  mirrorPath: string | null;
  server: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

// A few kilobytes can be packed gigabytes of zeros; nothing that a person works with has as much.
const BYTES_MAX = 64 * 1024 * 1024 * 1024;

const checkSize = async ({ quarantine, record }: RestoreOptions): Promise<void> => {
  let bytes = 0;
  let rest = "";
  for await (const chunk of quarantine.stream([
    "ls-tree",
    "-r",
    "-z",
    "--format=%(objectsize)",
    record.snapshot.snapshotCommit,
  ])) {
    const sizes = (rest + chunk.toString("latin1")).split("\0");
    rest = sizes.pop() ?? "";
    for (const size of sizes) bytes += Number(size) || 0;
    if (bytes > BYTES_MAX) {
      throw new CcrError("unprocessable", "The kept work is too large to be checked out.");
    }
  }
};

/**
 * Makes a checkout of kept work: the remote's branches as they are in the mirror, the workspace's own as the agent left them, and its files
 * as they were, with what was not committed not committed. A failure leaves nothing.
 */
export const restoreWork = async (options: RestoreOptions): Promise<void> => {
  const { folder, quarantine, record, mirrorPath } = options;
  const { headCommit, snapshotCommit } = record.snapshot;
  const names = await readdir(folder).catch(() => null);
  if (names !== null && names.length > 0) {
    throw new CcrError("conflict", `The folder ${folder} is not empty: work is restored only into an empty one.`);
  }
  await checkSize(options);
  const plain = strictGit({ ...options, folder: dirname(quarantine.path) });
  const git = (args: readonly string[], input?: Uint8Array) =>
    plain.run([`--git-dir=${folder}/.git`, `--work-tree=${folder}`, ...args], input);
  const fetch = (from: string, ...refs: string[]) =>
    git(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--", from, ...refs]);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const format = snapshotCommit.length === 64 ? "sha256" : "sha1";
    await plain.run(["init", "--quiet", "--template=", `--object-format=${format}`, "--", folder]);
    await git(["remote", "add", "origin", record.origin]);
    if (mirrorPath !== null) await fetch(mirrorPath, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*");
    const { head, refs } = quarantine.refs;
    // One name for each commit, so that git brings all that they lead to.
    const commits = [
      ...new Set([snapshotCommit, ...refs.map(({ commit }) => commit), ...("commit" in head ? [head.commit] : [])]),
    ];
    await quarantine.git(
      ["update-ref", "--stdin"],
      Buffer.from(commits.map((commit) => `create refs/restore/${commit} ${commit}\n`).join("")),
    );
    await fetch(quarantine.path, "+refs/restore/*:refs/restore/*");
    const own = refs.map(({ name, commit }) => `update ${name} ${commit}\n`).join("");
    await git(["update-ref", "--stdin"], Buffer.from(own, "latin1"));
    if ("ref" in head) await git(["symbolic-ref", "HEAD", Buffer.from(head.ref, "latin1").toString("utf8")]);
    else await git(["update-ref", "--no-deref", "HEAD", head.commit]);
    await git(["read-tree", "-u", "--reset", snapshotCommit]);
    await git(["read-tree", headCommit ?? "--empty"]);
    await git(["update-index", "-q", "--refresh"]).catch(() => {}); // its exit code says that something is not committed
    await git(["update-ref", "--stdin"], Buffer.from(commits.map((commit) => `delete refs/restore/${commit}\n`).join("")));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};
