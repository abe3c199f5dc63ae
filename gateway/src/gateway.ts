import path from "node:path";
import { CcrError, type Door, type GatewayHealth, MODEL_HOST, type RunId } from "@ccr/protocol";
import { createDial, type DialOptions } from "./dial.ts";
import { type Lost, type OpenDoor, openDoor } from "./door.ts";
import { askForDoor } from "./hand-over.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { createModelRoute, type Upstream } from "./model-route.ts";
import { refusedFence } from "./ownership.ts";
import { sentenceOf } from "./reason.ts";

export type GatewayOptions = {
  upstream: Upstream;
  /** What `health` tells as its configuration. */
  configuration?: string;
  limits?: Partial<Limits>;
  /** The path of the control interface, by which other gateways ask for doors. */
  control?: string | null;
  /** Hears, in a sentence, what a person should know of. */
  note?: (text: string) => void;
  /** The clock, in milliseconds since 1970. */
  now?: () => number;
} & Pick<DialOptions, "resolve" | "isPublic">;

/** All doors of one gateway. */
export type Gateway = {
  health(): GatewayHealth;
  /** The open doors, each with its policy and further sockets of now. */
  listDoors(): Door[];
  /**
   * Opens a door, or changes the policy and the further sockets of an open one; idempotent. It is closed elsewhere: in the gateway that has it,
   * also when that does not answer, and here when the run's door is open with another first socket or audit file. Throws `conflict` when another
   * run's door has one of its paths, and `forbidden` when it was opened with a greater fencing number. When a further socket cannot be opened, a
   * door that was open stays as it was, and one that was not is not opened.
   */
  openDoor(door: Door): Promise<void>;
  /**
   * Closes a door and cuts what goes through it; idempotent. Throws `disk_full` when its last records could not be written, and `forbidden`
   * when it was opened with a greater number than `fence`.
   */
  closeDoor(runId: RunId, options?: { fence?: number }): Promise<void>;
  /** Whole NDJSON lines of records with `n` > `after`, then live ones until the door is closed. Throws `not_found` without a door. */
  followAudit(runId: RunId, options: { after: number }, signal: AbortSignal): AsyncIterable<Buffer>;
  close(): Promise<void>;
};

/** Where a door is, in the one way to write it. */
const placesOf = ({ socketPath, alsoAt, auditPath }: Door): { sockets: string[]; audit: string } => ({
  sockets: [socketPath, ...alsoAt].map((each) => path.resolve(each)),
  audit: path.resolve(auditPath),
});

const checkPaths = (door: Door): void => {
  if (![door.socketPath, ...door.alsoAt, door.auditPath].every((each) => path.isAbsolute(each))) {
    throw new CcrError("bad_request", "The paths of a door must be absolute.");
  }
  const { sockets, audit } = placesOf(door);
  if (new Set(sockets).size < sockets.length) {
    throw new CcrError("bad_request", "The sockets of a door must be at different paths.");
  }
  for (const socket of sockets) {
    const folder = `${path.dirname(socket)}${path.sep}`;
    if (audit.startsWith(folder)) {
      throw new CcrError("bad_request", `The audit file must lie outside ${folder}, which the sandbox can write to.`);
    }
  }
};

const haveSamePlace = (one: Door, other: Door): boolean => {
  const [a, b] = [placesOf(one), placesOf(other)];
  return a.audit === b.audit || a.sockets.some((socket) => b.sockets.includes(socket));
};

/** Makes a gateway without doors. It listens nowhere by itself; `serveControl` gives it a control interface. */
export const createGateway = (options: GatewayOptions): Gateway => {
  const { upstream, configuration = "", limits: given, now = Date.now, resolve, isPublic } = options;
  const { control = null, note = () => {} } = options;
  const limits = { ...DEFAULT_LIMITS, ...given };
  const modelRoute = createModelRoute(upstream, limits);
  const modelHosts = new Set([MODEL_HOST, upstream.baseUrl.hostname]);
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

  const close = (runId: RunId, { fence }: { fence?: number } = {}): Promise<void> =>
    inTurn(runId, async () => {
      const open = doors.get(runId);
      const current = open?.door().fence ?? 0;
      if (fence !== undefined && fence < current) throw refusedFence(fence, current);
      doors.delete(runId);
      await open?.close();
    });

  /** Whatever becomes of its last records: it is closed. */
  const closeOld = async (open: OpenDoor): Promise<void> => {
    const { runId } = open.door();
    doors.delete(runId);
    await open.close().catch((error: unknown) => note(`the door of ${runId} was closed with a failure: ${sentenceOf(error)}`));
  };

  const open = async (door: Door): Promise<void> => {
    const { runId, socketPath, auditPath, fence } = door;
    checkPaths(door);
    const taken = [...doors.values()]
      .map((other) => other.door())
      .find((other) => other.runId !== runId && haveSamePlace(door, other));
    if (taken !== undefined) throw new CcrError("conflict", `The door of ${taken.runId} has the same socket or audit file.`);
    let { auditAfter } = door;
    const before = doors.get(runId);
    if (before !== undefined) {
      const current = before.door();
      if (fence < current.fence) throw refusedFence(fence, current.fence);
      const isSame = current.socketPath === socketPath && current.auditPath === auditPath;
      if (isSame && (await before.renew(door))) return;
      await closeOld(before);
      auditAfter = Math.max(auditAfter, before.door().auditAfter);
    }
    await askForDoor(door, control);
    // It may be lost before it is open at all its sockets.
    let opened: OpenDoor | null = null;
    const onLost = (standing: Lost) => void lose(runId, () => opened, standing);
    opened = await openDoor({ ...door, auditAfter }, { modelRoute, modelHosts, dial, limits, now, control, note, onLost });
    doors.set(runId, opened);
  };

  /** Closes a door that was lost. Where nobody took it, it is opened again. Never rejects. */
  const lose = (runId: RunId, findLost: () => OpenDoor | null, standing: Lost): Promise<void> =>
    inTurn(runId, async () => {
      const lost = findLost();
      if (lost === null || doors.get(runId) !== lost) return;
      const door = lost.door();
      note(
        standing === "taken"
          ? `the door of ${runId} is another gateway's now, and closed here`
          : `files of the audit ${door.auditPath} were removed; the door of ${runId} is opened again`,
      );
      await closeOld(lost);
      if (standing === "missing") await open(lost.door());
    }).catch((error: unknown) => note(`the door of ${runId} could not be opened again: ${sentenceOf(error)}`));

  return {
    health: () => ({ status: "ok", startedAt, pid: process.pid, configuration, doors: [...doors.keys()] }),
    listDoors: () => [...doors.values()].map((each) => each.door()),
    openDoor: (door) => inTurn(door.runId, () => open(door)),
    closeDoor: close,
    followAudit: (runId, { after }, signal) => {
      const found = doors.get(runId);
      if (found === undefined) throw new CcrError("not_found", `No door is open for ${runId}.`);
      return found.followAudit(after, signal);
    },
    close: async () => {
      const results = await Promise.allSettled([...doors.keys()].map((runId) => close(runId)));
      await modelRoute.close();
      const failure = results.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
    },
  };
};
