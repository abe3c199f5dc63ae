import { join } from "node:path";
import { checkoutsOf, type GitCloneInput, parseRepository, type Run, type RunCheckout, type RunId } from "@ccr/protocol";
import type { KeptOf } from "../git/work-places.ts";
import type { KeptWork, MirroredRepository, RunDeps } from "./deps.ts";
import { keptElsewhere } from "./downloads.ts";
import { RunEnded } from "./ending.ts";
import type { RunStores } from "./patience.ts";
import { mirrorMount } from "./repositories.ts";
import type { Scene } from "./scene.ts";
import type { MountedMirror, Workplace } from "./workplace.ts";

/** The kept work of an earlier run that is gone on with; see `KeptWork`. */
type KeptStart = { of: KeptOf; baseCommit: string; headCommit: string; snapshotCommit: string };

/** A repository of a run, and the mirror from which its sandboxes have it. `kept` null: it starts from the mirror's commit itself. */
export type Source = { checkout: RunCheckout; mirror: MirroredRepository; kept: KeptStart | null };

/** What it takes to find what is kept of the run that one goes on from. */
export type GoingOn = {
  run: Pick<Run, "continues">;
  deps: Pick<RunDeps, "server"> & { work: Pick<RunDeps["work"], "find" | "giveConversation"> };
  stores: { runs: Pick<RunStores["runs"], "find">; instances: Pick<RunStores["instances"], "findRecord"> };
};

/** Of the run that one goes on from: which other server drove it last. What this one has of it may be older, and is as good as nothing. */
const driverElsewhere = async ({ deps, stores }: GoingOn, id: RunId) =>
  keptElsewhere({ store: stores, server: deps.server }, await stores.runs.find(id));

/** What the run is to go on with in a repository, if that is not on a branch. Throws `RunEnded` when it is not kept here, or not any more. */
export const findKept = async (
  scene: GoingOn,
  { directory, repository }: Pick<RunCheckout, "directory" | "repository">,
): Promise<KeptStart | null> => {
  const { continues } = scene.run;
  if (continues === null || !continues.fromKept.includes(directory)) return null;
  const of = { runId: continues.runId, directory };
  const elsewhere = await driverElsewhere(scene, of.runId);
  if (elsewhere !== null)
    throw new RunEnded("work_elsewhere", `It is that of ${of.runId} in ${repository}, and the server is ${elsewhere.server}.`);
  const { baseCommit, headCommit, snapshotCommit } = (await scene.deps.work.find(of))?.snapshot ?? { baseCommit: null };
  if (baseCommit === null) throw workGone(of.runId, repository);
  return { of, baseCommit, headCommit: headCommit ?? baseCommit, snapshotCommit };
};

const workGone = (runId: RunId, repository: string): RunEnded =>
  new RunEnded("work_gone", `It is that of ${runId} in ${repository}.`);

/** Says from where a run starts in a repository, for people. Pure. */
export const describeStart = ({ mirror, kept }: Source): string => {
  const commit = mirror.commit.slice(0, 12);
  return kept === null ? `starting from ${commit}` : `going on with the work of ${kept.of.runId}, which was begun on ${commit}`;
};

/**
 * Puts the kept work that is gone on with into a folder that a sandbox may read, and gives what to ask its executor for, for each source that has such
 * work. Throws `RunEnded` when it is not kept any more.
 */
export const giveKept = async (
  { deps }: Scene,
  sources: readonly Source[],
  { given }: Workplace,
): Promise<Map<Source, Pick<GitCloneInput, "ref" | "bundlePath" | "baseCommit">>> => {
  const all = new Map<Source, Pick<GitCloneInput, "ref" | "bundlePath" | "baseCommit">>();
  for (const source of sources) {
    const { checkout, kept } = source;
    if (kept === null) continue;
    // Beside the conversation, whatever the folder of a repository is called.
    const folder = checkout.directory === null ? "work" : `work/${checkout.directory}`;
    const found = await deps.work.give(kept.of, kept.snapshotCommit, join(given, folder));
    if (found === null) throw workGone(kept.of.runId, checkout.repository);
    all.set(source, { ref: kept.snapshotCommit, bundlePath: `/given/${folder}/${found.bundle}`, baseCommit: kept.baseCommit });
  }
  return all;
};

/** Puts the conversation that the run goes on with into a folder that its sandbox may read; null: there is none, or another server has it. */
export const giveConversation = async (
  scene: GoingOn,
  { given }: Pick<Workplace, "given">,
): ReturnType<KeptWork["giveConversation"]> => {
  const { run, deps } = scene;
  if (run.continues === null || (await driverElsewhere(scene, run.continues.runId)) !== null) return null;
  return deps.work.giveConversation(run.continues.runId, given);
};

/** Fetches the mirrors of all repositories of a run, side by side. When one cannot be had, the others are not waited for, and left alone. */
export const fetchAll = async (
  scene: Scene,
  { report, signal }: { report: (text: string) => void; signal: AbortSignal },
): Promise<[Source, ...Source[]]> => {
  const { run, deps } = scene;
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const fetchOne = async (checkout: RunCheckout): Promise<Source> => {
    const parsed = parseRepository(checkout.repository);
    if (!parsed.ok) throw new RunEnded("repository_unreachable", parsed.message);
    const kept = await findKept(scene, checkout);
    // The mirror holds on to the commit that kept work builds on, whatever became of the branch.
    const ref = kept?.baseCommit ?? checkout.ref ?? undefined;
    return { checkout, mirror: await deps.mirrors.ensure(parsed.address, { ref, report, signal: until }), kept };
  };
  const [first, ...others] = checkoutsOf(run);
  try {
    const [source, sources] = await Promise.all([fetchOne(first), Promise.all(others.map(fetchOne))]);
    return [source, ...sources];
  } catch (error) {
    failed.abort(error);
    throw error;
  }
};

/** The mirrors as sandboxes see them. Pure. */
export const mirrorsOf = (sources: readonly Source[]): MountedMirror[] =>
  sources.map(({ checkout, mirror }) => ({ path: mirror.mirrorPath, target: mirrorMount(checkout) }));
