import { basename, isAbsolute, resolve } from "node:path";
import { CcrError, type SandboxHandle } from "@ccr/protocol";
import { z } from "zod";

/** Throws when another driver wrote the handle: acting on it could hit, or declare gone, a sandbox that is not the one meant. Pure. */
export const requireOwnHandle = (handle: SandboxHandle, driver: string): void => {
  if (handle.driver === driver) return;
  throw new CcrError(
    "internal",
    `The sandbox ${handle.instanceId} was made by the driver '${handle.driver}', and only that one can handle it; '${driver}' was asked to.`,
  );
};

const FolderData = z.object({ folder: z.string().optional() });

/** Where a driver keeps what it wrote down about an instance. Pure. */
export const instanceFolder = (stateDir: string, instanceId: string): string => resolve(stateDir, instanceId);

/**
 * The folder that the handle's driver made for the sandbox, on whichever server of this machine that was. What is named there is removed in
 * the end: anything but a folder that carries the instance's name is refused. Pure.
 */
export const handleFolder = (handle: SandboxHandle, stateDir: string): string => {
  // Handles of before this was written into them are this server's own.
  const folder = FolderData.safeParse(handle.data).data?.folder ?? instanceFolder(stateDir, handle.instanceId);
  if (isAbsolute(folder) && resolve(folder) === folder && basename(folder) === handle.instanceId) return folder;
  throw new CcrError(
    "internal",
    `The handle of the sandbox ${handle.instanceId} names a folder that cannot be its own: ${folder}. Nothing was done with it.`,
  );
};
