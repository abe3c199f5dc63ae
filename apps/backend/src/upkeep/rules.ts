import { isFinal, type Run } from "@ccr/protocol";
import type { StoredImage } from "../drivers/types.ts";

const DAY_MS = 24 * 3600 * 1000;

/**
 * What lies in our folders under the id of a run that the database does not know is left of a run that another server on the same database
 * deleted, or the database is not the one of yesterday: somebody has a month to notice that.
 */
const UNKNOWN_RUN_DAYS = 30;

export const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);
const daysAfter = (time: Date, days: number): Date => new Date(time.getTime() + days * DAY_MS);

/**
 * From when on what is kept of a run's work may go; `days` null: for ever. null: never, or not as long as the run goes on, or one that goes on from it. Pure.
 */
export const workRemovableAt = (
  kept: { run: Pick<Run, "status" | "endedAt"> | null; changedAt: Date; isNeeded: boolean },
  days: number | null,
): Date | null => {
  if (days === null || kept.isNeeded) return null;
  if (kept.run === null) return daysAfter(kept.changedAt, Math.max(days, UNKNOWN_RUN_DAYS));
  if (!isFinal(kept.run.status) || kept.run.endedAt === null) return null;
  return daysAfter(new Date(kept.run.endedAt), days);
};

/** From when on a mirror may go. null: never, or not as long as it is needed. Pure. */
export const mirrorRemovableAt = (mirror: { usedAt: Date; isNeeded: boolean }, days: number | null): Date | null =>
  days === null || mirror.isNeeded ? null : daysAfter(mirror.usedAt, days);

export const isDue = (removableAt: Date | null, now: Date): boolean => removableAt !== null && removableAt <= now;

/** From when on what a set-up left may go, by its age; null: never, or not as long as it is in use. Pure. */
export const setupRemovableAt = (setup: { usedAt: Date; isInUse: boolean }, days: number | null): Date | null =>
  days === null || setup.isInUse ? null : daysAfter(setup.usedAt, days);

/** What is too much when so many MiB are kept of what set-ups left: the longest unused, and never what is in use. Pure. */
export const surplusSetups = <Setup extends { usedAt: Date; bytes: number | null; isInUse: boolean }>(
  setups: readonly Setup[],
  mb: number | null,
): Setup[] => {
  if (mb === null) return [];
  let left = mb * 1024 * 1024;
  return setups
    .toSorted((a, b) => Number(b.isInUse) - Number(a.isInUse) || b.usedAt.getTime() - a.usedAt.getTime())
    .filter(({ bytes, isInUse }) => {
      left -= bytes ?? 0;
      return left < 0 && !isInUse;
    });
};

/** The images that may go when so many are kept: never the one that sandboxes would get now, nor one that a sandbox was made from. Pure. */
export const surplusImages = (images: readonly StoredImage[], keep: number | null): StoredImage[] => {
  if (keep === null) return [];
  const byAge = images.toSorted(
    (a, b) => Number(b.isCurrent) - Number(a.isCurrent) || b.createdAt.getTime() - a.createdAt.getTime(),
  );
  return byAge.slice(keep).filter(({ isCurrent, inUse }) => !isCurrent && !inUse);
};
