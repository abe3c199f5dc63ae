import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type DiskItem, type DiskPart, type DiskReport, InstanceId, isFinal, type Run, type RunId } from "@ccr/protocol";
import type { StoredImage } from "../drivers/types.ts";
import type { Store } from "../store/types.ts";
import type { DiskGuard } from "./disk-guard.ts";
import { listRunEntries, measure, type RunEntry, sumBytes } from "./folders.ts";
import { isGoneOnWith, listSetups, neededMirrors, type RetentionOptions } from "./retention.ts";
import {
  daysBefore,
  isDue,
  mirrorRemovableAt,
  setupRemovableAt,
  surplusImages,
  surplusSetups,
  workRemovableAt,
} from "./rules.ts";

export type DiskViewOptions = Omit<RetentionOptions, "store" | "folders" | "work" | "log"> & {
  store: Pick<Store, "upkeep" | "runs" | "instances" | "environments" | "deliveries">;
  folders: { work: string; audit: string; instances: string };
  guard: DiskGuard;
  /** When retention looks the next time. */
  nextSweepAt: () => Date | null;
};

export interface DiskView {
  /** What takes how much, at most half a minute old. One measuring at a time, however many ask. */
  report(): Promise<DiskReport>;
  /** The next report is measured anew. */
  forget(): void;
}

const CACHE_MS = 30_000;
// Measuring goes through all names; what takes longer than this together is left unmeasured.
const MEASURE_WITHIN_MS = 20_000;
const ENTRIES_PER_ITEM = 300_000;
const ITEMS_SHOWN = 20;
const RUNS_COUNTED = 1000;
const IMAGES_WITHIN_MS = 10_000;

type Sized = DiskItem & { due: boolean };

/** The greatest first; what could not be measured may be greater than all. */
const partOf = (items: readonly Sized[]): DiskPart => {
  const weight = ({ bytes }: Sized) => bytes ?? Number.POSITIVE_INFINITY;
  const greatest = items.toSorted((a, b) => (weight(a) < weight(b) ? 1 : weight(a) > weight(b) ? -1 : 0));
  return {
    count: items.length,
    bytes: sumBytes(items.map(({ bytes }) => bytes)),
    items: greatest.slice(0, ITEMS_SHOWN).map(({ due: _due, ...item }) => item),
  };
};

const countDue = (items: readonly Sized[]): number => items.filter(({ due }) => due).length;

/** Measures what the server keeps. */
export const createDiskView = (options: DiskViewOptions): DiskView => {
  const { store, folders, mirrors, images, rules, clock, guard, nextSweepAt } = options;
  let last: { at: number; report: Promise<DiskReport> } | null = null;

  /** Measures one after the other, until the time is up. */
  const ruler = () => {
    const startedAt = clock.elapsedMs();
    return (path: string): Promise<number | null> =>
      clock.elapsedMs() - startedAt > MEASURE_WITHIN_MS ? Promise.resolve(null) : measure(path, ENTRIES_PER_ITEM);
  };
  type Measure = ReturnType<typeof ruler>;

  const runsOf = async (entries: readonly RunEntry[]): Promise<Map<RunId, Run | null>> => {
    const known = new Map<RunId, Run | null>();
    for (const { runId } of entries) if (!known.has(runId)) known.set(runId, await store.runs.find(runId));
    return known;
  };

  const lookAtEntries = async (folder: string, days: number | null, measureOne: Measure): Promise<Sized[]> => {
    const entries = await listRunEntries(folder);
    const runs = await runsOf(entries);
    const items: Sized[] = [];
    for (const { runId, path, changedAt } of entries) {
      const run = runs.get(runId) ?? null;
      const isNeeded = await isGoneOnWith(store, runId);
      const removableAt = workRemovableAt({ run, changedAt, isNeeded }, days);
      items.push({
        name: runId,
        bytes: await measureOne(path),
        since: run?.endedAt ?? null,
        inUse: isNeeded || (run !== null && !isFinal(run.status)),
        removableAt: removableAt?.toISOString() ?? null,
        due: isDue(removableAt, clock.now()),
      });
    }
    return items;
  };

  const lookAtMirrors = async (measureOne: Measure): Promise<Sized[]> => {
    const listed = await mirrors.list();
    const needed = await neededMirrors(options, { listed, signal: AbortSignal.timeout(MEASURE_WITHIN_MS) });
    const items: Sized[] = [];
    for (const { name, path, usedAt } of listed) {
      const isNeeded = needed.has(name);
      const removableAt = mirrorRemovableAt({ usedAt, isNeeded }, rules.mirrorsDays);
      items.push({
        name,
        bytes: await measureOne(path),
        since: usedAt.toISOString(),
        inUse: isNeeded,
        removableAt: removableAt?.toISOString() ?? null,
        due: isDue(removableAt, clock.now()),
      });
    }
    return items;
  };

  const lookAtSetups = async (): Promise<Sized[]> => {
    const listed = await listSetups({ store, setups: options.setups });
    const surplus = new Set(surplusSetups(listed, rules.setupsMb));
    return listed.map((setup) => {
      const removableAt = surplus.has(setup) ? clock.now() : setupRemovableAt(setup, rules.setupsDays);
      return {
        name: setup.name,
        // Measured when it was made; nobody changes it.
        bytes: setup.bytes,
        since: setup.usedAt.toISOString(),
        inUse: setup.isInUse,
        removableAt: removableAt?.toISOString() ?? null,
        due: isDue(removableAt, clock.now()),
      };
    });
  };

  const lookAtWorkspaces = async (measureOne: Measure): Promise<Sized[]> => {
    const items: Sized[] = [];
    for (const name of await readdir(folders.instances).catch((): string[] => [])) {
      if (!InstanceId.safeParse(name).success) continue;
      const bytes = await measureOne(join(folders.instances, name));
      // They go with their sandbox, and not by age.
      items.push({ name, bytes, since: null, inUse: true, removableAt: null, due: false });
    }
    return items;
  };

  const lookAtImages = async (): Promise<Sized[] | null> => {
    const found = await images?.list(AbortSignal.timeout(IMAGES_WITHIN_MS)).catch(() => null);
    if (found === undefined || found === null) return null;
    const now = clock.now().toISOString();
    const surplus = new Set(surplusImages(found, rules.images));
    return found.map((image: StoredImage) => ({
      name: image.reference,
      bytes: image.bytes,
      since: image.createdAt.toISOString(),
      inUse: image.inUse || image.isCurrent,
      removableAt: surplus.has(image) ? now : null,
      due: surplus.has(image),
    }));
  };

  const countDueRuns = async (): Promise<number> => {
    if (rules.runsDays === null) return 0;
    const endedBefore = daysBefore(clock.now(), rules.runsDays).toISOString();
    return (await store.upkeep.listEnded({ endedBefore, limit: RUNS_COUNTED })).length;
  };

  const look = async (): Promise<DiskReport> => {
    const measureOne = ruler();
    const at = clock.now().toISOString();
    const room = await guard.roomForRun();
    // One after the other: measuring is a burden on the disk as it is.
    const mirrorItems = await lookAtMirrors(measureOne);
    const workItems = await lookAtEntries(folders.work, rules.workDays, measureOne);
    const auditItems = await lookAtEntries(folders.audit, null, measureOne);
    const setupItems = await lookAtSetups();
    const imageItems = await lookAtImages();
    return {
      at,
      places: await guard.places(),
      minFreeBytes: guard.minFreeBytes,
      lack: room.enough ? null : room.why,
      database: { bytes: await store.upkeep.sizeBytes() },
      mirrors: partOf(mirrorItems),
      work: partOf(workItems),
      workspaces: partOf(await lookAtWorkspaces(measureOne)),
      audit: partOf(auditItems),
      setups: partOf(setupItems),
      images: imageItems === null ? null : partOf(imageItems),
      rules,
      next: {
        at: nextSweepAt()?.toISOString() ?? null,
        due: {
          runs: await countDueRuns(),
          work: countDue(workItems),
          mirrors: countDue(mirrorItems),
          setups: countDue(setupItems),
          images: countDue(imageItems ?? []),
        },
      },
    };
  };

  return {
    report: () => {
      if (last !== null && clock.elapsedMs() - last.at < CACHE_MS) return last.report;
      const mine = { at: clock.elapsedMs(), report: look() };
      last = mine;
      mine.report.then(
        () => (mine.at = clock.elapsedMs()),
        () => {
          // An error is no answer to keep.
          if (last === mine) last = null;
        },
      );
      return mine.report;
    },
    forget: () => {
      last = null;
    },
  };
};
