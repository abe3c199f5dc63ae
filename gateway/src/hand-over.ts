import type { Door } from "@ccr/protocol";
import { gatewayClient } from "./client.ts";
import { findOwner } from "./ownership.ts";

/** A gateway that is frozen, or hangs, does not hold up the one that the door is to be opened in. */
const ANSWER_WITHIN_MS = 2000;

/**
 * Has another gateway close a door before it is opened here, so that the records of what it cuts are whole. Whether it does, or is there at
 * all, does not matter otherwise: it finds out by itself that the door is not its any more. Never rejects.
 */
export const askForDoor = async ({ runId, auditPath, fence }: Door, ownControl: string | null): Promise<void> => {
  const owner = await findOwner(auditPath).catch(() => null);
  if (owner === null || owner.control === null || owner.control === ownControl) return;
  const other = gatewayClient(owner.control);
  await other.closeDoor(runId, { fence, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => {});
  await other.close();
};
