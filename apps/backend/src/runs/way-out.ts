import { CcrError, type Policy } from "@ccr/protocol";
import { auditPath } from "./places.ts";
import { followRequests } from "./requests.ts";
import type { Scene } from "./scene.ts";
import type { Workplace } from "./workplace.ts";

const TRY_EVERY_MS = 3000;

/**
 * Opens the run's way out, for its sandbox and for the one beside it in which its checks run, if there is one; by the server's policy unless
 * another one is given. Idempotent.
 */
export const openDoor = async (
  scene: Scene,
  { place, beside, policy }: { place: Workplace; beside: Workplace | null; policy?: Policy },
  signal: AbortSignal,
): Promise<void> => {
  const { run, fence, deps, stores } = scene;
  const door = {
    runId: run.id,
    socketPath: place.gatewaySocket,
    alsoAt: beside === null ? [] : [beside.gatewaySocket],
    auditPath: auditPath(place, run.id),
    policy: policy ?? { allow: deps.allowedHosts },
    fence,
    // Another sandbox of the run may have had another file of records.
    auditAfter: await stores.audit.position(run.id),
  };
  await withGateway(scene, () => deps.doors.open(door), signal);
  followRequests(scene);
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
