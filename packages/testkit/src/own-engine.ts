import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type NoDockerEngine, testCache, whileNoOtherTest } from "./engine.ts";
import { engineApi } from "./engine-api.ts";
import {
  type EngineFolders,
  findEngineProcess,
  killEngineProcess,
  socketIn,
  startEngineProcess,
  stopEngineProcess,
} from "./engine-process.ts";

/** A Docker Engine that one test has for itself, to kill it. */
export interface OwnDockerEngine extends AsyncDisposable {
  /** As in `DOCKER_HOST`. */
  readonly host: string;
  /** The number of its process, or null while it does not run. */
  pid(): Promise<number | null>;
  /** Kills it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it, or starts it again; resolves when it answers. */
  start(): Promise<void>;
}

// In /tmp whatever TMPDIR says: sockets need a short path.
const foldersOf = () => ({
  folder: `/tmp/ccr-own-engine-${createHash("sha256").update(testCache()).digest("hex").slice(0, 8)}`,
  dataRoot: join(testCache(), "own-engine"),
  // Sandboxes have no network. An engine that is told to have none takes away the bridge of the engine that has one, when both see the same.
  flags: ["--bridge=none", "--iptables=false"],
  isAlone: true,
});

/**
 * Starts an engine of one's own (as root, where dockerd is installed) with one image, copied from another engine where it is not there
 * yet. One test on this machine has it at a time; the others wait. Disposing stops it; its image stays in the cache.
 */
export const ownDockerEngine = async (image: {
  reference: string;
  /** As in `DOCKER_HOST`. */
  from: string;
}): Promise<OwnDockerEngine | NoDockerEngine> => {
  if (process.getuid?.() !== 0) return { why: "only root can start a Docker Engine of one's own" };
  const folders = foldersOf();
  const api = engineApi(socketIn(folders.folder));
  const released = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const held = whileNoOtherTest("own-engine", () => {
    taken.resolve();
    return released.promise;
  });
  await Promise.race([taken.promise, held]);
  const dispose = async (): Promise<void> => {
    try {
      // One that died with containers leaves what holds them; it takes it up again when it is started, and takes it down.
      if ((await findEngineProcess(folders)) === null) await startPatiently(folders);
      await api.removeContainers();
      await stopEngineProcess(folders);
      await unmount(folders.dataRoot);
      await rm(folders.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    } finally {
      released.resolve();
      await held;
    }
  };
  try {
    await startPatiently(folders);
    if (!(await api.hasImage(image.reference))) {
      await api.prune();
      await api.loadImage(await engineApi(image.from.replace(/^unix:\/\//, "")).saveImage(image.reference));
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    host: `unix://${socketIn(folders.folder)}`,
    pid: () => findEngineProcess(folders),
    kill: () => killEngineProcess(folders),
    start: () => startPatiently(folders),
    [Symbol.asyncDispose]: dispose,
  };
};

// One for each time that it was killed, and no more than a test kills it.
const MOUNTS_MAX = 50;

/** An engine mounts the folder of its data over itself, and one that was killed leaves that. */
const unmount = async (folder: string): Promise<void> => {
  for (let mounts = 0; mounts < MOUNTS_MAX; mounts++) {
    const umount = spawn("umount", ["--quiet", folder], { stdio: "ignore" });
    const [code] = await once(umount, "exit");
    if (code !== 0) return; // nothing is mounted there any more
  }
};

const START_TRIES = 3;

/** An engine that was killed leaves a containerd that may still be ending: the next one then does not come up at the first try. */
const startPatiently = async (folders: EngineFolders): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      return await startEngineProcess(folders);
    } catch (error) {
      if (tries >= START_TRIES) throw error;
    }
  }
};
