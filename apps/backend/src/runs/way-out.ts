import { CcrError, type Policy } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import { type HostsDeps, usualHosts } from "./network.ts";
import type { RunStores } from "./patience.ts";
import { auditPath } from "./places.ts";
import { followRequests } from "./requests.ts";
import type { Scene } from "./scene.ts";
import type { Workplace } from "./workplace.ts";

const TRY_EVERY_MS = 3000;

/** Where a run's way out is to be: at its sandbox, and at the one beside it in which its checks run. */
export type WayOut = {
  place: Workplace;
  beside: Workplace | null;
  /** null: what this server allows every run, the run's network preset and its environment, and what people allowed it. */
  policy: Policy | null;
};

/**
 * Opens the run's way out, for its sandbox and for the one beside it in which its checks run, if there is one; by the policy of the run unless
 * another one is given. Idempotent.
 */
export const openDoor = async (
  scene: Scene,
  { place, beside, policy = null }: Omit<WayOut, "policy"> & Partial<Pick<WayOut, "policy">>,
  signal: AbortSignal,
): Promise<void> => {
  scene.wayOut = { place, beside, policy };
  await withGateway(scene, () => openAsWanted(scene), signal);
  followRequests(scene);
};

/** What it takes to open a run's door anew. */
export type DoorScene = Pick<Scene, "run" | "fence" | "wayOut"> & {
  deps: Pick<RunDeps, "doors"> & HostsDeps;
  stores: Pick<RunStores, "audit">;
};

/** Opens the door as it is to be now, unless it is to be closed: of all who open it, whoever asks last asks for the same. */
export const openAsWanted = async (scene: DoorScene): Promise<void> => {
  const { fence, deps, stores } = scene;
  // Another sandbox of the run may have had another file of records.
  const auditAfter = await stores.audit.position(scene.run.id);
  const usual = await usualHosts(scene.run, deps);
  // Looked at in the same breath as the gateway is asked: meanwhile it may have been closed, or have got another place.
  const { run, wayOut } = scene;
  if (wayOut === null) return;
  const { place, beside, policy } = wayOut;
  await deps.doors.open({
    runId: run.id,
    socketPath: place.gatewaySocket,
    alsoAt: beside === null ? [] : [beside.gatewaySocket],
    auditPath: auditPath(place, run.id),
    policy: policy ?? { allow: [...usual, ...run.allowedHosts] },
    fence,
    auditAfter,
  });
};

/** Closes the run's way out, wherever it was opened; nobody opens it again by himself. Idempotent. */
export const closeDoor = async (scene: Scene): Promise<void> => {
  scene.wayOut = null;
  await scene.deps.doors.close(scene.run.id);
};

/**
 * Asks something of the gateway. One that is away is started again by whoever looks after it, and waited for as long as the run may take, and
 * so is room for its records.
 */
export const withGateway = async (scene: Scene, act: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  const { deps, log } = scene;
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      // Somebody with a greater fencing number has the door.
      if (error instanceof CcrError && error.code === "forbidden") await scene.hold();
      if (!(error instanceof CcrError && (error.code === "unavailable" || error.code === "disk_full"))) throw error;
      if (tries === 1) await log.write({ type: "note", text: `The run waits for its way out: ${error.message}` });
      await deps.clock.wait(TRY_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }
};
