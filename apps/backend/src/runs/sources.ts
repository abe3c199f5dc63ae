import { checkoutsOf, parseRepository, type RunCheckout } from "@ccr/protocol";
import type { MirroredRepository } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { mirrorMount } from "./repositories.ts";
import type { Scene } from "./scene.ts";
import type { MountedMirror } from "./workplace.ts";

/** A repository of a run, and the mirror from which its sandboxes have it. */
export type Source = { checkout: RunCheckout; mirror: MirroredRepository };

/** Fetches the mirrors of all repositories of a run, side by side. When one cannot be had, the others are not waited for, and left alone. */
export const fetchAll = async (
  { run, deps }: Scene,
  { report, signal }: { report: (text: string) => void; signal: AbortSignal },
): Promise<[Source, ...Source[]]> => {
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const fetchOne = async (checkout: RunCheckout): Promise<Source> => {
    const parsed = parseRepository(checkout.repository);
    if (!parsed.ok) throw new RunEnded("repository_unreachable", parsed.message);
    const ref = checkout.ref ?? undefined;
    return { checkout, mirror: await deps.mirrors.ensure(parsed.address, { ref, report, signal: until }) };
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
