import type { AllowRule, InstanceId, RepositoryAddress } from "@ccr/protocol";
import type { ImageProvider, ReportProgress, SandboxDriver } from "../drivers/types.ts";
import type { Doors } from "../gateway/types.ts";
import type { Store } from "../store/types.ts";

/** A fetched mirror and the commit to start from. */
export type MirroredRepository = {
  mirrorPath: string;
  commit: string;
  /** The branch, tag or commit that was asked for, or the default one, by its plain name. */
  ref: { name: string };
  /** What is handed to `git clone` as the real address. */
  cloneUrl: string;
};

/** Fetches mirrors; see `git/`. Throws errors that carry a `reason` of the run's closed list. */
export interface Mirrors {
  ensure(
    address: RepositoryAddress,
    options: { ref?: string | undefined; report: ReportProgress; signal: AbortSignal },
  ): Promise<MirroredRepository>;
}

/** One line of the server's log; `fields` hold ids, never a secret. */
export type Log = (level: "info" | "warn" | "error", text: string, fields?: Record<string, unknown>) => void;

/** All that the run engine needs from outside; built in `main.ts`. */
export type RunDeps = {
  store: Store;
  mirrors: Mirrors;
  doors: Doors;
  /** The one that makes sandboxes. */
  driver: SandboxDriver;
  /** Every one that may have made some before. */
  drivers: readonly SandboxDriver[];
  /** For drivers whose sandboxes need an image; null for the others. */
  images: ImageProvider | null;
  allowedHosts: AllowRule[];
  /** Folder for everything of single sandboxes, and the short folder for their sockets. */
  folders: { instances: string; doors: string; audit: string; kept: string };
  newInstanceId: () => InstanceId;
  log: Log;
  now: () => Date;
};
