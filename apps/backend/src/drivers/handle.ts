import { CcrError, type SandboxHandle } from "@ccr/protocol";

/** Throws when another driver wrote the handle: acting on it could hit, or declare gone, a sandbox that is not the one meant. Pure. */
export const requireOwnHandle = (handle: SandboxHandle, driver: string): void => {
  if (handle.driver === driver) return;
  throw new CcrError(
    "internal",
    `The sandbox ${handle.instanceId} was made by the driver '${handle.driver}', and only that one can handle it; '${driver}' was asked to.`,
  );
};
