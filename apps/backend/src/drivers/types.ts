import type { SandboxHandle, SandboxSpec, SandboxUsage } from "@ccr/protocol";

/**
 * What became of a sandbox. `diskBytes` is what its writable mounts hold now; `Number.POSITIVE_INFINITY` when they hold more entries,
 * or deeper nested ones, than can be measured, which is over every limit.
 *
 * `outOfMemoryKills` is how many of its processes the kernel has killed for lack of memory so far, as far as can be told. An engine forgets
 * old ones, so it may fall; when it has grown since the last look, one was killed since. `outOfMemory`: the sandbox itself was ended by
 * SIGKILL, and at least one kill was counted. That one may have been long before: the number of the last look tells.
 */
export type SandboxState =
  | { status: "running"; outOfMemoryKills: number; diskBytes: number }
  | { status: "exited"; exitCode: number; outOfMemory: boolean; outOfMemoryKills: number; diskBytes: number }
  | { status: "gone" };

/** `passing`: what is wrong may be over soon by itself, as with an engine that is just being started. */
export type Probe = { usable: true; details: string } | { usable: false; why: string; passing?: true };

/**
 * Makes and removes sandboxes of one kind. A driver keeps nothing in memory: it finds everything again from handles and from
 * what it labelled, so a restart of the server loses nothing. Asked about a handle that another driver wrote, it throws and does nothing.
 */
export interface SandboxDriver {
  readonly name: "docker" | "bubblewrap";
  /** Whether the driver can make sandboxes here and now, and if not, why not and what to do. Never throws. */
  probe(signal: AbortSignal): Promise<Probe>;
  /**
   * Starts a sandbox with an executor in it. Idempotent by `spec.instanceId`: a second call gives the first one's handle. When it
   * throws or is aborted, whatever was half made is found by `list` and removed by `destroy`.
   */
  create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxHandle>;
  inspect(handle: SandboxHandle): Promise<SandboxState>;
  /** What the executor printed so far, oldest first, at most the last 256 KiB. */
  logs(handle: SandboxHandle, signal: AbortSignal): Promise<string>;
  /** Kills and removes the sandbox and all that the driver made for it. Idempotent, and safe after a half-made `create`. Never touches the mounts' contents. */
  destroy(handle: SandboxHandle): Promise<void>;
  /** Every sandbox that this server made and did not yet destroy, half-made ones included. */
  list(): Promise<SandboxHandle[]>;
}

/** The extra ability of drivers that can tell what their sandboxes use. */
export interface UsageMeter {
  /** null: the sandbox does not run. Throws when it cannot be told now. */
  usage(handle: SandboxHandle): Promise<SandboxUsage | null>;
}

/** What `diskUsage` found, as it is told; null: more than can be measured. Pure. */
export const measurable = (bytes: number): number | null => (Number.isFinite(bytes) ? bytes : null);

/** Progress of something long, in sentences for people. */
export type ReportProgress = (text: string) => void;

/** The extra ability of drivers whose sandboxes need an image. */
export interface ImageProvider {
  /**
   * Gives the reference of the executor image on a base, built first when it is missing or its inputs have changed. Calls at once build once.
   * `base` null: the one that this server uses for all.
   */
  ensureImage(base: string | null, report: ReportProgress, signal: AbortSignal): Promise<string>;
  /**
   * What a name means now, as a base that stays the same whatever the name means later; fetched when the engine does not have it. Throws
   * `CcrError` with `unprocessable` when there is no such image.
   */
  resolveImage(name: string, report: ReportProgress, signal: AbortSignal): Promise<string>;
}

/** The files of a commit, of which a `devcontainer.json` is one. */
export type DevcontainerOrder = {
  /** A name for what is built, the same for one repository. */
  repository: string;
  /** Where it lies, if not in its usual place. */
  path?: string | undefined;
  /** As git packs them (tar). */
  archive: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
};

/** What a `devcontainer.json` gave: an image on the engine, variables, and a script to be run once in a checkout (empty: none). */
export type Devcontainer = { image: string; variables: Record<string, string>; script: string };

/** The extra ability of drivers that can build what a repository describes. */
export interface DevcontainerBuilder {
  /** Throws `CcrError` with `unprocessable` when the file is not there, or describes nothing that can be built here. */
  build(order: DevcontainerOrder, report: ReportProgress, signal: AbortSignal): Promise<Devcontainer>;
}

/** An executor image on the disk. `isCurrent`: sandboxes would get it now. `inUse`: a sandbox was made from it and is still there. */
export type StoredImage = { reference: string; bytes: number; createdAt: Date; isCurrent: boolean; inUse: boolean };

/** What images take, and where. Every method throws `CcrError` with `unavailable` when that cannot be told or done. */
export interface ImageStorage {
  /** The executor images that this server made. Layers that images share count in each of them. */
  list(signal: AbortSignal): Promise<StoredImage[]>;
  /** Removes an image. Idempotent. Refused by the engine as long as a sandbox uses it. */
  remove(reference: string, signal: AbortSignal): Promise<void>;
  /** The folder on this machine in which images and sandboxes are kept. */
  root(signal: AbortSignal): Promise<string>;
}
