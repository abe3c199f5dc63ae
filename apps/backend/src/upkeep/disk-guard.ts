import { statfs } from "node:fs/promises";
import type { DiskPlace } from "@ccr/protocol";
import type { Log } from "../runs/deps.ts";

/** A path whose file system is watched. */
export type GuardedPlace = { name: DiskPlace["name"]; path: string };

export type DiskGuardOptions = {
  /** With less free than this on one of the places, no run is started; 0: they always are. */
  minFreeMb: number;
  places: readonly GuardedPlace[];
  /** Where a container engine keeps its things, when there is one: asked until it is known, and left out as long as it is not. */
  dockerRoot?: ((signal: AbortSignal) => Promise<string>) | null;
  log: Log;
  elapsedMs?: () => number;
  /** For so long an answer is given again. */
  cacheMs?: number;
};

export type Room = { enough: true } | { enough: false; why: string };

export interface DiskGuard {
  readonly minFreeBytes: number;
  /** Whether there is room for another run. What cannot be looked at has none. Never throws; one line is logged when it changes. */
  roomForRun(): Promise<Room>;
  /** The places that can be looked at. Never throws. */
  places(): Promise<DiskPlace[]>;
}

const MEBIBYTE = 1024 * 1024;
const CACHE_MS = 2_000;
const ROOT_AGAIN_MS = 60_000;
const ROOT_WITHIN_MS = 10_000;

const NAMES = {
  data: "of the data folder",
  database: "of the database",
  docker: "of the Docker Engine",
} as const satisfies Record<DiskPlace["name"], string>;

const inMebibytes = (bytes: number): string => `${Math.floor(bytes / MEBIBYTE).toLocaleString("en")} MiB`;

/** Whether every place has enough. Pure. */
export const judgeRoom = (places: readonly DiskPlace[], minFreeBytes: number): Room => {
  // A file system without a size, as some of the kernel's own have none, says nothing.
  const low = places.filter(({ totalBytes, freeBytes }) => totalBytes > 0 && freeBytes < minFreeBytes);
  const [first] = low.toSorted((a, b) => a.freeBytes - b.freeBytes);
  if (first === undefined) return { enough: true };
  const { name, freeBytes } = first;
  const why = `The disk ${NAMES[name]} has ${inMebibytes(freeBytes)} left, and ${inMebibytes(minFreeBytes)} are wanted for another run: make room on it (server.cleanUp removes what is not needed), or set CCR_MIN_FREE_DISK_MB.`;
  return { enough: false, why };
};

const lookAt = async ({ name, path }: GuardedPlace): Promise<DiskPlace> => {
  const { bavail, blocks, bsize } = await statfs(path);
  return { name, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
};

/** Keeps new runs back when a disk is nearly full. It ends nothing that runs. */
export const createDiskGuard = (options: DiskGuardOptions): DiskGuard => {
  const { places, log, dockerRoot = null, elapsedMs = () => performance.now(), cacheMs = CACHE_MS } = options;
  const minFreeBytes = options.minFreeMb * MEBIBYTE;
  let rootPath: string | null = null;
  let rootAskedAt: number | null = null;
  let wasEnough = true;
  let last: { at: number; found: Promise<{ places: DiskPlace[]; room: Room }> } | null = null;

  /** Nobody waits for it: an engine that hangs must not hold up runs that do not need it. */
  const askForRoot = (): void => {
    if (dockerRoot === null || rootPath !== null) return;
    if (rootAskedAt !== null && elapsedMs() - rootAskedAt < ROOT_AGAIN_MS) return;
    rootAskedAt = elapsedMs();
    dockerRoot(AbortSignal.timeout(ROOT_WITHIN_MS)).then(
      (path) => {
        rootPath = path;
        last = null;
      },
      () => {}, // asked again in a minute; the driver's own probe says what is wrong
    );
  };

  const lookAtAll = async (): Promise<{ places: DiskPlace[]; room: Room }> => {
    const found = await Promise.allSettled(places.map(lookAt));
    // The engine may be in another mount namespace: a folder that is not here is not ours to watch.
    const root = rootPath === null ? null : await lookAt({ name: "docker", path: rootPath }).catch(() => null);
    const seen = [...found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])), ...(root === null ? [] : [root])];
    const failed = found.find((one) => one.status === "rejected");
    const unknown = (reason: unknown): Room => ({
      enough: false,
      why: `How much room is left for another run cannot be told: ${reason instanceof Error ? reason.message : String(reason)}`,
    });
    const room: Room =
      minFreeBytes === 0 ? { enough: true } : failed !== undefined ? unknown(failed.reason) : judgeRoom(seen, minFreeBytes);
    tell(room);
    return { places: seen, room };
  };

  const tell = (room: Room): void => {
    if (room.enough !== wasEnough) {
      if (room.enough) log("info", "there is room for runs again");
      else log("warn", `queued runs wait: ${room.why}`);
    }
    wasEnough = room.enough;
  };

  const look = (): Promise<{ places: DiskPlace[]; room: Room }> => {
    askForRoot();
    if (last === null || elapsedMs() - last.at >= cacheMs) last = { at: elapsedMs(), found: lookAtAll() };
    return last.found;
  };

  return {
    minFreeBytes,
    roomForRun: async () => (await look()).room,
    places: async () => (await look()).places,
  };
};
