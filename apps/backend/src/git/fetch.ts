import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BareRepository } from "./bare.ts";
import { type GitOutcome, runGit } from "./command.ts";
import type { Connection } from "./connection.ts";
import { explainFailure, isDamaged } from "./failure.ts";
import { readHead } from "./refs.ts";
import { listRemote } from "./remote.ts";

export interface FetchOptions {
  folder: string;
  timeoutMs: number;
  /** The repository as the person named it. */
  display: string;
  report: (text: string) => void;
  signal: AbortSignal;
}

/** Turns git's progress into a few sentences: one for each phase and each tenth of it. */
const progressReporter = (report: (text: string) => void): ((line: string) => void) => {
  let last = "";
  return (line) => {
    const match = /^(?:remote: )?(Counting|Compressing|Receiving|Resolving)( objects| deltas): +(\d+)%/.exec(line);
    if (match === null) return;
    const text = `${match[1]}${match[2]}: ${Math.floor(Number(match[3]) / 10) * 10} %`;
    if (text !== last) report(text);
    last = text;
  };
};

const removeHalfFiles = async (path: string): Promise<void> => {
  const packs = join(path, "objects", "pack");
  const names = await readdir(packs).catch(() => []);
  await Promise.all(names.filter((name) => name.startsWith("tmp_")).map((name) => rm(join(packs, name), { force: true })));
};

type Success = Extract<GitOutcome, { kind: "exited" }>;

const must = (outcome: GitOutcome, connection: Connection, options: FetchOptions): Success => {
  if (outcome.kind === "exited" && outcome.code === 0) return outcome;
  throw explainFailure(outcome, {
    display: options.display,
    transport: connection.address.transport,
    secrets: connection.secrets,
  });
};

/** Asks where the remote's HEAD leads, and follows redirects on the way. */
const findHead = async (first: Connection, options: FetchOptions, connections: AsyncDisposableStack) => {
  const { connection, outcome } = await listRemote(first, { ...options, refs: ["HEAD"], connections }, options.signal);
  return { connection, head: readHead(must(outcome, connection, options).output) };
};

/**
 * Brings every branch and tag of the remote, and its HEAD, into a bare repository, and removes what the remote has no more. Throws a
 * `MirrorError` when that cannot be; gives `damaged` instead when the bare repository itself is broken and `mayRebuild` is set.
 */
export const fetchInto = async (
  mirror: { path: string; bare: BareRepository; mayRebuild: boolean },
  first: Connection,
  options: FetchOptions,
): Promise<"fetched" | "damaged"> => {
  const { signal } = options;
  const { path, bare } = mirror;
  await using connections = new AsyncDisposableStack();
  const { connection, head } = await findHead(first, options, connections);
  const args = [
    `--git-dir=${path}`,
    "fetch",
    "--progress",
    "--prune",
    "--force",
    "--no-tags",
    "--no-write-fetch-head",
    "--update-head-ok",
    "--update-shallow", // a local repository may be a shallow clone itself
    "--",
    connection.source,
    "+refs/heads/*:refs/heads/*",
    "+refs/tags/*:refs/tags/*",
  ];
  const { environment } = connection;
  const command = { args, environment, cwd: options.folder, timeoutMs: options.timeoutMs };
  let outcome: GitOutcome;
  try {
    outcome = await runGit({ ...command, onProgress: progressReporter(options.report) }, signal);
  } finally {
    await removeHalfFiles(path);
  }
  if (mirror.mayRebuild && isDamaged(outcome)) return "damaged";
  must(outcome, connection, options);

  const setHead = async (to: { branch: string } | { commit: string }) =>
    must(await bare.setHead(to, signal), connection, options);
  const [only, second] = await bare.someBranches(signal);
  if (head.branch !== null) await setHead({ branch: head.branch });
  else if (head.commit !== null && (await bare.commitOf(head.commit, signal)) !== null) await setHead({ commit: head.commit });
  // The remote's HEAD leads nowhere. Of one branch alone it is clear that it is meant.
  else if (only !== undefined) await setHead({ branch: second === undefined ? only : "no-default-branch" });
  return "fetched";
};
