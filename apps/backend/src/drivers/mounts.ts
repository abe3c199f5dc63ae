import { lchown, lstat } from "node:fs/promises";
import { CcrError, type SandboxSpec } from "@ccr/protocol";
import { type Identity, sandboxIdentity } from "./identity.ts";

/** The host folders that a sandbox may write to. */
export const writableSources = (spec: Pick<SandboxSpec, "mounts">): string[] =>
  spec.mounts.filter((mount) => !mount.readOnly).map((mount) => mount.source);

/** Gives the writable folders to the sandbox's user. Throws when a mount's source is no folder. */
export const prepareMounts = async (spec: Pick<SandboxSpec, "mounts">, server: Identity): Promise<void> => {
  const { uid, gid } = sandboxIdentity(server);
  for (const mount of spec.mounts) {
    const found = await lstat(mount.source).catch(() => null);
    if (found === null || !found.isDirectory()) {
      throw new CcrError("internal", `The sandbox's ${mount.target} needs the folder ${mount.source}, which is not there.`);
    }
    if (!mount.readOnly && server.uid === 0) await lchown(mount.source, uid, gid);
  }
};
