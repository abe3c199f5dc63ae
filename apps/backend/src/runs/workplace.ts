import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type InstanceId, type Run, type RunId, type SandboxSpec, SPOOL_FILE, SpoolEvent } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import { EVENT_MAX_BYTES } from "./executor-client.ts";
import { LineTooLongError, lines } from "./lines.ts";

/** Where one sandbox keeps its things on the host. */
export type Workplace = {
  root: string;
  doors: string;
  workspace: string;
  home: string;
  spool: string;
  gatewaySocket: string;
};

export const workplaceOf = (folders: RunDeps["folders"], instanceId: InstanceId): Workplace => {
  const root = join(folders.instances, instanceId);
  const doors = join(folders.doors, instanceId);
  return {
    root,
    doors,
    workspace: join(root, "workspace"),
    home: join(root, "home"),
    spool: join(root, "spool"),
    gatewaySocket: join(doors, "gateway.sock"),
  };
};

/** Makes the folders, empty. The driver gives them to the sandbox's user. */
export const makeWorkplace = async (place: Workplace): Promise<void> => {
  for (const folder of [place.doors, place.workspace, place.home, place.spool])
    await mkdir(folder, { recursive: true, mode: 0o700 });
};

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

/** Removes the folders and all in them. */
export const removeWorkplace = async (place: Workplace): Promise<void> => {
  await removeFolder(place.root);
  await removeFolder(place.doors);
};

/** Puts the workspace aside for the person, and gives where it is now. null: there is none. */
export const keepWorkspace = async (folders: RunDeps["folders"], place: Workplace, runId: RunId): Promise<string | null> => {
  const kept = join(folders.kept, runId);
  const isThere = await lstat(place.workspace).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere) return null;
  await mkdir(folders.kept, { recursive: true, mode: 0o700 });
  await rename(place.workspace, kept);
  return kept;
};

/** What the driver is asked for: the layout inside is the same for every driver. */
export const sandboxSpec = (options: {
  run: Run;
  instanceId: InstanceId;
  place: Workplace;
  image: string;
  /** null: nothing is cloned any more. */
  mirrorPath: string | null;
  now: Date;
}): SandboxSpec => {
  const { run, instanceId, place, image, mirrorPath, now } = options;
  const { memoryMb, cpus, processes, diskMb, timeSeconds, turns, budgetUsd } = run.limits;
  return {
    instanceId,
    image,
    env: {
      EXECUTOR_LISTEN: "/doors/executor.sock",
      EXECUTOR_GATEWAY: "/doors/gateway.sock",
      EXECUTOR_SPOOL: "/spool",
      EXECUTOR_WORKSPACE: "/workspace",
      // Claude Code is started while the sandbox is still being set up; with other limits it would have to be started again.
      EXECUTOR_PREWARM: mirrorPath === null ? "0" : "1",
      EXECUTOR_MAX_TURNS: String(turns),
      ...(budgetUsd === null ? {} : { EXECUTOR_MAX_BUDGET_USD: String(budgetUsd) }),
      ...(run.model === null ? {} : { EXECUTOR_MODEL: run.model }),
      // Node's own list of authorities knows none that the image, or this machine, was given in addition.
      NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt",
    },
    mounts: [
      { source: place.doors, target: "/doors", readOnly: false },
      { source: place.workspace, target: "/workspace", readOnly: false },
      { source: place.home, target: "/home/agent", readOnly: false },
      { source: place.spool, target: "/spool", readOnly: false },
      ...(mirrorPath === null ? [] : [{ source: mirrorPath, target: "/mirror", readOnly: true }]),
    ],
    limits: { memoryMb, cpus, processes, diskMb },
    // Saving the work and taking everything down may last a while beyond the run's own time.
    deadline: new Date(now.getTime() + (timeSeconds + 600) * 1000).toISOString(),
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/**
 * The events with a greater seq than `after` that a dead sandbox left in its spool, in order. The file was in the agent's reach: it
 * is opened without following a link and read in bounded pieces, and a line that is not an event, or is out of order, ends the reading.
 */
export async function* readLeftSpool(place: Workplace, after: number): AsyncGenerator<SpoolEvent> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(place.spool, SPOOL_FILE), flags).catch(() => null);
  if (file === null) return;
  try {
    if (!(await file.stat()).isFile()) return;
    let next = after + 1;
    for await (const line of lines(file.createReadStream({ autoClose: false }), EVENT_MAX_BYTES)) {
      const event = SpoolEvent.safeParse(parseJson(line));
      if (!event.success || event.data.seq > next) return;
      if (event.data.seq < next) continue;
      yield event.data;
      next++;
    }
  } catch (error) {
    if (!(error instanceof LineTooLongError)) throw error;
  } finally {
    await file.close();
  }
}
