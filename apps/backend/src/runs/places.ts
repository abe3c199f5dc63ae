import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { firstSeqOfSpoolFile, InstanceId, type RunId, SpoolEvent } from "@ccr/protocol";
import type { InstancePlace } from "../store/instance-types.ts";
import { EVENT_MAX_BYTES } from "./executor-client.ts";
import { LineTooLongError, lines } from "./lines.ts";
import type { Workplace } from "./workplace.ts";

/** The folders of sandboxes on the host. */
export interface Places {
  /** Where a new sandbox of ours gets its folders. */
  of(id: InstanceId): InstancePlace;
  /** Makes the folders, empty; those that are there stay as they are. The driver gives them to the sandbox's user. */
  make(place: Workplace): Promise<void>;
  /** Whether the workspace is there, to go on with. */
  has(place: Workplace): Promise<boolean>;
  /** Takes an executor's socket away: one that is still there, though its sandbox is destroyed, ends within seconds. Idempotent. */
  closeDoor(place: Workplace): Promise<void>;
  /** Removes the folders and all in them. Idempotent; only after the sandbox is destroyed. */
  remove(place: Workplace): Promise<void>;
  /** Every sandbox of ours that has folders. */
  list(): Promise<InstanceId[]>;
  /**
   * The events with a greater seq than `after` that a dead sandbox left in its spool, in order. The files were in the agent's reach: they
   * are opened without following a link and read in bounded pieces, and a line that is not an event, or is out of order, ends the reading.
   */
  leftSpool(place: Workplace, after: number): AsyncIterable<SpoolEvent>;
  /** Puts the workspace aside for the person, and gives where it is now, also when an earlier call did it. null: there is none. */
  keepWorkspace(place: Workplace, runId: RunId): Promise<string | null>;
  /** Where a run's workspace was put aside, by whichever server; null: it was not. */
  findKept(place: InstancePlace, runId: RunId): Promise<string | null>;
}

const run = promisify(execFile);

/** Removes a folder that a sandbox wrote into, following no link. Idempotent; only after the sandbox is destroyed. */
export const removeFolder = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(async () => {
    // Caches of some package managers are read-only folders, and agents can nest deeper than a path is long. The system's own
    // programs walk from folder to folder, and follow no link on their way.
    await run("chmod", ["-R", "u+rwX", "--", folder]).catch(() => {});
    await run("rm", ["-rf", "--", folder]);
  });
};

const isFolder = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

async function* leftSpool(place: Workplace, after: number): AsyncGenerator<SpoolEvent> {
  const names = await readdir(place.spool).catch((): string[] => []);
  const files = names
    .flatMap((name) => {
      const first = firstSeqOfSpoolFile(name);
      return first === null ? [] : [{ name, first }];
    })
    .sort((a, b) => a.first - b.first);
  let next = after + 1;
  for (const [index, { name, first }] of files.entries()) {
    const following = files.at(index + 1)?.first ?? Number.POSITIVE_INFINITY;
    if (following <= next) continue;
    if (first > next) return;
    for await (const event of eventsOf(join(place.spool, name))) {
      if (event.seq > next) return;
      if (event.seq < next) continue;
      yield event;
      next++;
    }
  }
}

async function* eventsOf(path: string): AsyncGenerator<SpoolEvent> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => null);
  if (file === null) return;
  try {
    if (!(await file.stat()).isFile()) return;
    for await (const line of lines(file.createReadStream({ autoClose: false }), EVENT_MAX_BYTES)) {
      const event = SpoolEvent.safeParse(parseJson(line));
      if (!event.success) return;
      yield event.data;
    }
  } catch (error) {
    if (!(error instanceof LineTooLongError)) throw error;
  } finally {
    await file.close();
  }
}

/** The folders below a server's data folder, on this machine. */
export const createPlaces = (options: { machine: string; instances: string; doors: string }): Places => {
  const { machine, instances, doors } = options;
  return {
    of: (id) => ({ machine, root: join(instances, id), doors: join(doors, id) }),
    make: async (place) => {
      for (const folder of [place.doors, place.workspace, place.home, place.spool])
        await mkdir(folder, { recursive: true, mode: 0o700 });
    },
    has: (place) => isFolder(place.workspace),
    closeDoor: (place) => removeFolder(place.executorSocket),
    remove: async (place) => {
      await removeFolder(place.root);
      await removeFolder(place.doors);
    },
    list: async () => {
      const names = await Promise.all([instances, doors].map((folder) => readdir(folder)));
      return [...new Set(names.flat())].flatMap((name) => {
        const id = InstanceId.safeParse(name);
        return id.success ? [id.data] : [];
      });
    },
    leftSpool,
    keepWorkspace: async (place, runId) => {
      const folder = keptWorkspace(place, runId);
      if (await isFolder(folder)) return folder;
      if (!(await isFolder(place.workspace))) return null;
      await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
      await rename(place.workspace, folder);
      return folder;
    },
    findKept: async (place, runId) => {
      const folder = keptWorkspace(place, runId);
      return (await isFolder(folder)) ? folder : null;
    },
  };
};

/** The data folder of the server that made a sandbox, whoever looks after it now: what is moved within it stays on its disk. */
const dataFolder = (place: InstancePlace): string => dirname(dirname(place.root));

const keptWorkspace = (place: InstancePlace, runId: RunId): string =>
  join(dataFolder(place), "kept", basename(runId), "workspace");

/** Where the server that made a sandbox keeps what set-ups left. */
export const setupsFolder = (place: InstancePlace): string => join(dataFolder(place), "environments", "cache");

/** Where the gateway writes down a run's requests: beside the instances of the server that made the sandbox, whoever looks after it now. */
export const auditPath = (place: InstancePlace, runId: RunId): string =>
  join(dataFolder(place), "audit", `${basename(runId)}.ndjson`);
