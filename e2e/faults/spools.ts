import { link, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { openTail, type Tail } from "./tail.ts";

// A piece of a spool lives for as long as it takes to store what is in it.
const LOOK_EVERY_MS = 20;

/** An event as it stood in a spool; read loosely, so that nothing that a sandbox said is left out for its form. */
export const SpooledEvent = z.looseObject({
  seq: z.number(),
  at: z.string(),
  source: z.string(),
  body: z.looseObject({ type: z.string() }),
});
export type SpooledEvent = z.infer<typeof SpooledEvent>;

/** What one sandbox has spooled, in the order in which it was written. */
export type SpoolSeen = { instanceId: string; events: SpooledEvent[]; problems: string[] };

/** Watches the spools of all sandboxes of some servers from outside, and keeps what they held after they are gone. */
export interface SpoolFollower extends AsyncDisposable {
  /** Everything written until now. */
  seen(): Promise<SpoolSeen[]>;
  /** Every sandbox that there ever was. */
  instanceIds(): string[];
  /** Drops what is known of a sandbox whose run has been judged. */
  forget(instanceId: string): Promise<void>;
}

const isSpool = (name: string): boolean => /^spool(-\d+)?\.ndjson$/.test(name);

const list = (folder: string): Promise<string[]> =>
  readdir(folder).then(
    (names) => names.sort(),
    () => [],
  );

/**
 * Follows every spool below the folders `instances`. Each file gets a second name in the folder `kept`, which has to be on the same disk:
 * what is appended to it is read even after a server has removed it.
 */
export const followSpools = async (options: { instances: readonly string[]; kept: string }): Promise<SpoolFollower> => {
  const { instances, kept } = options;
  await mkdir(kept, { recursive: true });
  const spools = new Map<string, { seen: SpoolSeen; files: Map<string, Tail> }>();
  const forgotten = new Set<string>();
  const known = new Set<string>();
  const closing = new AbortController();

  const hold = async (folder: string, instanceId: string, name: string): Promise<void> => {
    if (forgotten.has(instanceId)) return;
    const spool = spools.get(instanceId) ?? { seen: { instanceId, events: [], problems: [] }, files: new Map<string, Tail>() };
    spools.set(instanceId, spool);
    if (spool.files.has(name)) return;
    const copy = join(kept, `${instanceId}-${name}`);
    try {
      await link(join(folder, name), copy);
      spool.files.set(name, await openTail(copy));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "";
      if (code !== "ENOENT") spool.seen.problems.push(`${name} cannot be witnessed: ${String(error)}`);
    }
  };
  const look = async (): Promise<void> => {
    for (const all of instances) {
      for (const instanceId of await list(all)) {
        known.add(instanceId);
        const folder = join(all, instanceId, "spool");
        for (const name of await list(folder)) if (isSpool(name)) await hold(folder, instanceId, name);
      }
    }
  };
  const readAll = async (): Promise<void> => {
    for (const { seen, files } of spools.values()) {
      for (const [name, tail] of files) {
        const { lines, shrank } = await tail.read();
        if (shrank)
          seen.problems.push(`${name} has lost whole events that were in it after event ${seen.events.at(-1)?.seq ?? 0}`);
        for (const line of lines) {
          try {
            seen.events.push(SpooledEvent.parse(JSON.parse(line)));
          } catch {
            seen.problems.push(`${name} holds a line that is no event: ${line.slice(0, 120)}`);
          }
        }
      }
    }
  };
  let last: Promise<void> = Promise.resolve();
  /** One at a time: two readings would take lines from each other. */
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    last = last.then(act);
    return last;
  };
  const readInTurn = (): Promise<void> => inTurn(() => look().then(readAll));
  const drop = async (instanceId: string): Promise<void> => {
    forgotten.add(instanceId);
    for (const tail of spools.get(instanceId)?.files.values() ?? []) await tail[Symbol.asyncDispose]();
    spools.delete(instanceId);
  };
  const loop = (async () => {
    while (!closing.signal.aborted) {
      await readInTurn();
      await delay(LOOK_EVERY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();
  return {
    seen: async () => {
      await readInTurn();
      return [...spools.values()].map(({ seen }) => seen);
    },
    instanceIds: () => [...known],
    forget: (instanceId) => inTurn(() => drop(instanceId)),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await loop;
      for (const { files } of spools.values()) for (const tail of files.values()) await tail[Symbol.asyncDispose]();
    },
  };
};
