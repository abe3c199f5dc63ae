import { constants } from "node:fs";
import { lstat, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type InstanceId, type Run, type SandboxSpec, SPOOL_FILE, SpoolEvent } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";

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

/** Removes the folders and all in them; only after the sandbox is destroyed. Idempotent. */
export const removeWorkplace = async (place: Workplace): Promise<void> => {
  await Promise.all([place.root, place.doors].map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 3 })));
};

/** What the driver is asked for: the layout inside is the same for every driver. */
export const sandboxSpec = (options: {
  run: Run;
  instanceId: InstanceId;
  place: Workplace;
  image: string;
  mirrorPath: string;
  now: Date;
}): SandboxSpec => {
  const { run, instanceId, place, image, mirrorPath, now } = options;
  const { memoryMb, cpus, processes, diskMb, timeSeconds } = run.limits;
  return {
    instanceId,
    image,
    env: {
      EXECUTOR_LISTEN: "/doors/executor.sock",
      EXECUTOR_GATEWAY: "/doors/gateway.sock",
      EXECUTOR_SPOOL: "/spool",
      EXECUTOR_WORKSPACE: "/workspace",
      // Claude Code is started while the sandbox is still being set up; with other limits it would have to be started again.
      EXECUTOR_PREWARM: "1",
      EXECUTOR_MAX_TURNS: String(run.limits.turns),
      ...(run.limits.budgetUsd === null ? {} : { EXECUTOR_MAX_BUDGET_USD: String(run.limits.budgetUsd) }),
      // Node's own list of authorities knows none that the image, or this machine, was given in addition.
      NODE_EXTRA_CA_CERTS: "/etc/ssl/certs/ca-certificates.crt",
      ...(run.model === null ? {} : { EXECUTOR_MODEL: run.model }),
    },
    mounts: [
      { source: place.doors, target: "/doors", readOnly: false },
      { source: place.workspace, target: "/workspace", readOnly: false },
      { source: place.home, target: "/home/agent", readOnly: false },
      { source: place.spool, target: "/spool", readOnly: false },
      { source: mirrorPath, target: "/mirror", readOnly: true },
    ],
    limits: { memoryMb, cpus, processes, diskMb },
    // Saving the work and taking everything down may last a while beyond the run's own time.
    deadline: new Date(now.getTime() + (timeSeconds + 600) * 1000).toISOString(),
  };
};

// A spool of a dead sandbox is read into memory; what is beyond this is lost to the transcript, and said so.
const SPOOL_READ_MAX_BYTES = 512 * 1024 * 1024;

/**
 * The events with a greater seq than `after` that a dead sandbox left in its spool. The file was in the agent's reach: it is
 * opened without following a link, and a line that is not an event, or is out of order, ends the reading.
 */
export const readLeftSpool = async (place: Workplace, after: number): Promise<SpoolEvent[]> => {
  const path = join(place.spool, SPOOL_FILE);
  const found = await lstat(path).catch(() => null);
  if (found === null || !found.isFile() || found.size > SPOOL_READ_MAX_BYTES) return [];
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const events: SpoolEvent[] = [];
    let next = after + 1;
    for await (const line of file.readLines()) {
      const event = SpoolEvent.safeParse(parseJson(line));
      if (!event.success) break;
      if (event.data.seq < next) continue;
      if (event.data.seq > next) break;
      events.push(event.data);
      next++;
    }
    return events;
  } finally {
    await file.close().catch(() => {});
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
