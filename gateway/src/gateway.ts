import path from "node:path";
import { CcrError, type Door, type GatewayHealth, type RunId } from "@ccr/protocol";
import { createDial, type DialOptions } from "./dial.ts";
import { type OpenDoor, openDoor } from "./door.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { createModelRoute, type Upstream } from "./model-route.ts";

export type GatewayOptions = {
  upstream: Upstream;
  /** What `health` tells as its configuration. */
  configuration?: string;
  limits?: Partial<Limits>;
  /** The clock, in milliseconds since 1970. */
  now?: () => number;
} & Pick<DialOptions, "resolve" | "isPublic">;

/** All doors of one gateway. */
export type Gateway = {
  health(): GatewayHealth;
  /** The open doors, each with its policy of now. */
  listDoors(): Door[];
  /** Opens a door or changes the policy of an open one; idempotent. Throws `conflict` when the run's door is open with other paths. */
  openDoor(door: Door): Promise<void>;
  /** Closes a door and cuts what goes through it; idempotent. Throws `disk_full` when its last records could not be written. */
  closeDoor(runId: RunId): Promise<void>;
  /** Whole NDJSON lines of records with `n` > `after`, then live ones until the door is closed. Throws `not_found` without a door. */
  followAudit(runId: RunId, options: { after: number }, signal: AbortSignal): AsyncIterable<Buffer>;
  close(): Promise<void>;
};

/** The API's own address: a door to it past the model route would take any key. */
const ANTHROPIC_HOST = "api.anthropic.com";

const checkPaths = ({ socketPath, auditPath }: Door): void => {
  if (!path.isAbsolute(socketPath) || !path.isAbsolute(auditPath)) {
    throw new CcrError("bad_request", "The paths of a door must be absolute.");
  }
  const folder = `${path.dirname(path.resolve(socketPath))}${path.sep}`;
  if (path.resolve(auditPath).startsWith(folder)) {
    throw new CcrError("bad_request", `The audit file must lie outside ${folder}, which the sandbox can write to.`);
  }
};

/** Makes a gateway without doors. It listens nowhere by itself; `serveControl` gives it a control interface. */
export const createGateway = (options: GatewayOptions): Gateway => {
  const { upstream, configuration = "", limits: given, now = Date.now, resolve, isPublic } = options;
  const limits = { ...DEFAULT_LIMITS, ...given };
  const modelRoute = createModelRoute(upstream, limits);
  const modelHosts = new Set([ANTHROPIC_HOST, upstream.baseUrl.hostname]);
  const dial = createDial({ limits, resolve, isPublic });
  const startedAt = new Date(now()).toISOString();
  const doors = new Map<RunId, OpenDoor>();
  /** The last opening or closing of each run's door: they happen one after another. */
  const changes = new Map<RunId, Promise<void>>();

  const inTurn = (runId: RunId, change: () => Promise<void>): Promise<void> => {
    const result = (changes.get(runId) ?? Promise.resolve()).then(change);
    const settled = result.catch(() => {}).finally(() => changes.get(runId) === settled && changes.delete(runId));
    changes.set(runId, settled);
    return result;
  };

  const close = (runId: RunId): Promise<void> =>
    inTurn(runId, async () => {
      const open = doors.get(runId);
      doors.delete(runId);
      await open?.close();
    });

  return {
    health: () => ({ status: "ok", startedAt, pid: process.pid, configuration, doors: [...doors.keys()] }),
    listDoors: () => [...doors.values()].map((open) => open.door()),
    openDoor: (door) =>
      inTurn(door.runId, async () => {
        checkPaths(door);
        const open = doors.get(door.runId);
        if (open === undefined) {
          const taken = [...doors.values()]
            .map((other) => other.door())
            .find((other) => other.socketPath === door.socketPath || other.auditPath === door.auditPath);
          if (taken !== undefined)
            throw new CcrError("conflict", `The door of ${taken.runId} has the same socket or audit file.`);
          doors.set(door.runId, await openDoor(door, { modelRoute, modelHosts, dial, limits, now }));
          return;
        }
        const { socketPath, auditPath } = open.door();
        if (socketPath !== door.socketPath || auditPath !== door.auditPath) {
          throw new CcrError("conflict", `The door of ${door.runId} is open with other paths. Close it first.`);
        }
        open.setPolicy(door.policy);
      }),
    closeDoor: close,
    followAudit: (runId, { after }, signal) => {
      const open = doors.get(runId);
      if (open === undefined) throw new CcrError("not_found", `No door is open for ${runId}.`);
      return open.followAudit(after, signal);
    },
    close: async () => {
      const results = await Promise.allSettled([...doors.keys()].map(close));
      await modelRoute.close();
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
    },
  };
};
