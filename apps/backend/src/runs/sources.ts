import { checkoutsOf, parseRepository, type RunCheckout, type WorkSnapshot } from "@ccr/protocol";
import type { KeptOf } from "../git/work-places.ts";
import type { MirroredRepository } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { mirrorMount } from "./repositories.ts";
import type { Scene } from "./scene.ts";
import type { MountedMirror } from "./workplace.ts";

/** The kept work of an earlier run that is gone on with; see `KeptWork`. */
export type KeptStart = { of: KeptOf; snapshot: WorkSnapshot };

/** A repository of a run, and the mirror from which its sandboxes have it. `kept` null: it starts from the mirror's commit itself. */
export type Source = { checkout: RunCheckout; mirror: MirroredRepository; kept: KeptStart | null };

/** What the run is to go on with in a repository, if that is not on a branch. Throws `RunEnded` when it is not kept here any more. */
const findKept = async ({ run, deps }: Scene, { directory, repository }: RunCheckout): Promise<KeptStart | null> => {
  const { continues } = run;
  if (continues === null || !continues.fromKept.includes(directory)) return null;
  const of = { runId: continues.runId, directory };
  const found = await deps.work.find(of);
  if (found !== null) return { of, snapshot: found.snapshot };
  throw new RunEnded("work_gone", `The server does not have the work of ${continues.runId} in ${repository} any more.`);
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
    const ref = kept?.snapshot.baseCommit ?? checkout.ref ?? undefined;
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
