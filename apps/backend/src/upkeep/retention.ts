import { rm } from "node:fs/promises";
import {
  CLEAN_UP_KINDS,
  type CleanUpInput,
  type CleanUpKind,
  checkoutsOf,
  isFinal,
  type RetentionRules,
  RUN_STATUSES,
  type Run,
  type RunId,
} from "@ccr/protocol";
import type { ImageStorage } from "../drivers/types.ts";
import type { KeptSetup, Setups } from "../environments/types.ts";
import type { KeptMirror, MirrorRetention } from "../git/retention.ts";
import type { KeptWorkStore } from "../git/work.ts";
import type { Clock, Log } from "../runs/deps.ts";
import type { Store } from "../store/types.ts";
import { listRunEntries, measure, type RunEntry, sumBytes } from "./folders.ts";
import {
  daysBefore,
  isDue,
  mirrorRemovableAt,
  setupRemovableAt,
  surplusImages,
  surplusSetups,
  workRemovableAt,
} from "./rules.ts";

export type RetentionOptions = {
  store: Pick<Store, "upkeep" | "runs" | "instances" | "environments" | "deliveries">;
  /** Folders in which everything is named after runs: what is kept of their work, and the gateway's records of their requests. */
  folders: { work: string; audit: string };
  mirrors: MirrorRetention;
  /** What is kept in the first of the folders; it goes with what holds it in the mirrors. */
  work: Pick<KeptWorkStore, "remove">;
  setups: Pick<Setups, "list" | "remove">;
  /** null: the driver has no images. */
  images: ImageStorage | null;
  rules: RetentionRules;
  log: Log;
  clock: Clock;
};

/** What was removed of one kind. `bytes` null: more than can be measured. */
export type Removed = { kind: CleanUpKind; count: number; bytes: number | null; problems: string[] };

/** How one kind is to be swept: by age in days, or images by number. */
export type Order = CleanUpInput["what"][number];

export interface Retention {
  /** Removes what the orders name, one after the other; a problem with one thing is told and ends nothing else. */
  remove(orders: readonly Order[], signal: AbortSignal): Promise<Removed[]>;
  /** Does what the configured rules say. What could not be removed is logged, and tried again the next time. Throws the signal's reason alone. */
  sweep(signal: AbortSignal): Promise<Removed[]>;
}

/** As long as anything may be kept. */
const MANY_DAYS = 36_500;
const RUNS_AT_ONCE = 100;
const MAX_PROBLEMS = 10;

const UNFINISHED = RUN_STATUSES.filter((status) => !isFinal(status));

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The rules as orders; what is kept for ever is not among them. Pure. */
export const ordersOf = ({ runsDays, workDays, mirrorsDays, setupsDays, setupsMb, images }: RetentionRules): Order[] => [
  ...(runsDays === null ? [] : [{ kind: "runs" as const, olderThanDays: runsDays }]),
  ...(workDays === null ? [] : [{ kind: "work" as const, olderThanDays: workDays }]),
  ...(mirrorsDays === null ? [] : [{ kind: "mirrors" as const, olderThanDays: mirrorsDays }]),
  // What is too much goes whatever its age.
  ...(setupsDays === null && setupsMb === null ? [] : [{ kind: "setups" as const, olderThanDays: setupsDays ?? MANY_DAYS }]),
  ...(images === null ? [] : [{ kind: "images" as const, keep: images }]),
];

/** Of these mirrors the names of those that must stay: runs that have not ended need them, or work that is kept. */
export const neededMirrors = async (
  { store, folders, mirrors }: Pick<RetentionOptions, "store" | "folders" | "mirrors">,
  { listed, signal }: { listed: readonly KeptMirror[]; signal: AbortSignal },
): Promise<Set<string>> => {
  const repositories = new Set<string>();
  // In this order: a run that ends in between is among the first, and what is kept of it among the second.
  for (let before: RunId | undefined; ; ) {
    const runs = await store.runs.list({ status: UNFINISHED, limit: 200, before });
    for (const run of runs) for (const { repository } of checkoutsOf(run)) repositories.add(repository);
    before = runs.at(-1)?.id;
    if (before === undefined) break;
  }
  for (const { runId } of await listRunEntries(folders.work)) {
    const run = await store.runs.find(runId);
    for (const { repository } of run === null ? [] : checkoutsOf(run)) repositories.add(repository);
  }
  const needed = new Set((await Promise.all([...repositories].map(mirrors.namesFor))).flat());
  // Work of a run that the database does not know needs its mirror too.
  for (const { name, path } of listed) if (!needed.has(name) && (await mirrors.isPinned(path, signal))) needed.add(name);
  return needed;
};

/** Whether a run that has not ended goes on from this one: it starts with its conversation, and maybe with its work. */
export const isGoneOnWith = async (
  store: { deliveries: Pick<Store["deliveries"], "listContinuing"> },
  id: RunId,
): Promise<boolean> => (await store.deliveries.listContinuing(id)).some(({ status }) => !isFinal(status));

/** What set-ups left; in use is what somebody is copying, and what a run needs that has not ended. */
export const listSetups = async ({
  store,
  setups,
}: Pick<RetentionOptions, "setups"> & { store: Pick<Store, "environments"> }): Promise<(KeptSetup & { isInUse: boolean })[]> => {
  // In this order: what a run that ends in between needed is only kept for longer.
  const inUse = await store.environments.setupsInUse();
  return (await setups.list()).map((setup) => ({ ...setup, isInUse: setup.isHeld || inUse.has(setup.name) }));
};

/** Removes what nobody needs any more: never anything of a run that has not ended. */
export const createRetention = (options: RetentionOptions): Retention => {
  const { store, folders, mirrors, work, images, rules, log, clock } = options;

  /** Counts what goes; what does not go is told and does not stop the others. */
  const tally = (kind: CleanUpKind) => {
    const removed: Removed = { kind, count: 0, bytes: 0, problems: [] };
    let more = 0;
    return {
      removed: (bytes: number | null) => {
        removed.count++;
        removed.bytes = sumBytes([removed.bytes, bytes]);
      },
      problem: (text: string) => {
        if (removed.problems.length < MAX_PROBLEMS) removed.problems.push(text);
        else more++;
      },
      result: (): Removed => (more === 0 ? removed : { ...removed, problems: [...removed.problems, `And ${more} more.`] }),
    };
  };

  const removeKept = async ({ runId, path }: RunEntry): Promise<number | null> => {
    const bytes = await measure(path);
    await work.remove(runId);
    return bytes;
  };
  const removeAudit = async ({ path }: RunEntry): Promise<number | null> => {
    const bytes = await measure(path);
    await rm(path, { force: true });
    return bytes;
  };

  /** Its folders first: whatever is killed, what is left is still known by the run, and goes with the next try. */
  const removeRun = async (id: RunId, kept: { work: RunEntry[]; audit: RunEntry[] }) => {
    const sizes: (number | null)[] = [];
    for (const entry of kept.work) if (entry.runId === id) sizes.push(await removeKept(entry));
    for (const entry of kept.audit) if (entry.runId === id) sizes.push(await removeAudit(entry));
    return { deleted: await store.upkeep.deleteRun(id), bytes: sumBytes(sizes) };
  };

  const removeRuns = async (olderThanDays: number, signal: AbortSignal): Promise<Removed> => {
    const endedBefore = daysBefore(clock.now(), olderThanDays).toISOString();
    const counts = tally("runs");
    const kept = { work: await listRunEntries(folders.work), audit: await listRunEntries(folders.audit) };
    const stuck = new Set<RunId>();
    for (;;) {
      const listed = await store.upkeep.listEnded({ endedBefore, limit: RUNS_AT_ONCE + stuck.size });
      const ids = listed.filter((id) => !stuck.has(id));
      if (ids.length === 0) return counts.result();
      for (const id of ids) {
        signal.throwIfAborted();
        try {
          // The record of a sandbox that is still to be taken down leads to it.
          const isHeld = (await store.instances.listRecords({ runId: id })).length > 0 || (await isGoneOnWith(store, id));
          const { deleted, bytes } = isHeld ? { deleted: false, bytes: 0 } : await removeRun(id, kept);
          if (deleted) counts.removed(bytes);
          else stuck.add(id);
        } catch (error) {
          stuck.add(id);
          counts.problem(`Run ${id} could not be removed: ${reasonOf(error)}`);
        }
      }
    }
  };

  const removeWork = async (olderThanDays: number, signal: AbortSignal): Promise<Removed> => {
    const counts = tally("work");
    const sweepEntries = async (entries: readonly RunEntry[], removeOne: (entry: RunEntry, run: Run | null) => Promise<void>) => {
      for (const entry of entries) {
        signal.throwIfAborted();
        try {
          const run = await store.runs.find(entry.runId);
          const isNeeded = await isGoneOnWith(store, entry.runId);
          if (isDue(workRemovableAt({ run, changedAt: entry.changedAt, isNeeded }, olderThanDays), clock.now()))
            await removeOne(entry, run);
        } catch (error) {
          counts.problem(`What is kept of run ${entry.runId} could not be removed: ${reasonOf(error)}`);
        }
      }
    };
    await sweepEntries(await listRunEntries(folders.work), async (entry) => counts.removed(await removeKept(entry)));
    // The records of requests go with their run; these are left of runs that another server deleted.
    await sweepEntries(await listRunEntries(folders.audit), async (entry, run) => {
      if (run === null) counts.removed(await removeAudit(entry));
    });
    return counts.result();
  };

  const removeMirrors = async (olderThanDays: number, signal: AbortSignal): Promise<Removed> => {
    const counts = tally("mirrors");
    const listed = await mirrors.list();
    const needed = await neededMirrors(options, { listed, signal });
    for (const { name, path, usedAt } of listed) {
      signal.throwIfAborted();
      const now = clock.now();
      if (!isDue(mirrorRemovableAt({ usedAt, isNeeded: needed.has(name) }, olderThanDays), now)) continue;
      try {
        const bytes = await measure(path);
        // Whoever came in meanwhile has set its time.
        if (await mirrors.remove(name, new Date(daysBefore(now, olderThanDays).getTime() + 1))) counts.removed(bytes);
      } catch (error) {
        counts.problem(`The mirror ${name} could not be removed: ${reasonOf(error)}`);
      }
    }
    return counts.result();
  };

  const removeSetups = async (olderThanDays: number, signal: AbortSignal): Promise<Removed> => {
    const counts = tally("setups");
    const listed = await listSetups({ store, setups: options.setups });
    const surplus = new Set(surplusSetups(listed, rules.setupsMb));
    for (const setup of listed) {
      signal.throwIfAborted();
      const { name, bytes, usedAt } = setup;
      if (!surplus.has(setup) && !isDue(setupRemovableAt(setup, olderThanDays), clock.now())) continue;
      try {
        // Whoever came in meanwhile has set its time.
        if (await options.setups.remove(name, { usedBefore: new Date(usedAt.getTime() + 1) })) counts.removed(bytes);
      } catch (error) {
        counts.problem(`What the set-up ${name} left could not be removed: ${reasonOf(error)}`);
      }
    }
    return counts.result();
  };

  const removeImages = async (keep: number, signal: AbortSignal): Promise<Removed> => {
    const counts = tally("images");
    if (images === null) return counts.result();
    for (const { reference, bytes } of surplusImages(await images.list(signal), keep)) {
      signal.throwIfAborted();
      try {
        await images.remove(reference, signal);
        counts.removed(bytes);
      } catch (error) {
        counts.problem(`The image ${reference} could not be removed: ${reasonOf(error)}`);
      }
    }
    return counts.result();
  };

  const follow = (order: Order, signal: AbortSignal): Promise<Removed> => {
    switch (order.kind) {
      case "runs":
        return removeRuns(order.olderThanDays, signal);
      case "work":
        return removeWork(order.olderThanDays, signal);
      case "mirrors":
        return removeMirrors(order.olderThanDays, signal);
      case "setups":
        return removeSetups(order.olderThanDays, signal);
      case "images":
        return removeImages(order.keep, signal);
    }
  };

  let turn: Promise<unknown> = Promise.resolve();
  /** One after the other: two at once would only count what the other removes. */
  const remove = (orders: readonly Order[], signal: AbortSignal): Promise<Removed[]> => {
    const act = async (): Promise<Removed[]> => {
      const all: Removed[] = [];
      // What goes makes other things unneeded: runs their work, and work its mirrors.
      for (const order of CLEAN_UP_KINDS.flatMap((kind) => orders.filter((each) => each.kind === kind))) {
        signal.throwIfAborted();
        const { kind } = order;
        all.push(
          await follow(order, signal).catch((error: unknown) => {
            signal.throwIfAborted();
            return { kind, count: 0, bytes: 0, problems: [`The ${kind} could not be looked through: ${reasonOf(error)}`] };
          }),
        );
      }
      return all;
    };
    const mine = turn.then(act);
    turn = mine.catch(() => {}); // the one who asked hears of it
    return mine;
  };

  return {
    remove,
    sweep: async (signal) => {
      const all = await remove(ordersOf(rules), signal);
      for (const { kind, count, bytes, problems } of all) {
        if (count > 0) log("info", `retention removed ${kind}`, { count, bytes });
        for (const problem of problems) log("warn", `retention: ${problem}`);
      }
      return all;
    },
  };
};
