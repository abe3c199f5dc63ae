import type { Instance, InstanceId, RunId, SandboxHandle, ServerId } from "@ccr/protocol";

/** Where a sandbox's folders are, and on which machine. */
export type InstancePlace = { machine: string; root: string; doors: string };

/** Our record of a sandbox, with what only the server that made it needs. */
export type InstanceRecord = Instance & { server: ServerId; place: InstancePlace; handle: SandboxHandle | null };

/**
 * Writes of whoever drives the run take its fencing number, and throw `FenceLostError`, having written nothing, when it is not the run's or
 * the run is final. `null` is for those who clean up after a run that nobody drives.
 */
export interface InstanceStore {
  /** Stored before the sandbox is made, without a handle. Throws `CcrError`: `not_found` for the run, `conflict` for an id that is taken. */
  create(
    input: { id: InstanceId; runId: RunId; driver: string; server: ServerId; place: InstancePlace },
    fence: number,
  ): Promise<Instance>;
  find(id: InstanceId): Promise<Instance | null>;
  findRecord(id: InstanceId): Promise<InstanceRecord | null>;
  /** Those that are not stopped, newest first. */
  list(): Promise<Instance[]>;
  /** Those that are stopped, newest first. Throws `CcrError` with `not_found` when `before` is no instance. */
  listStopped(page: { before?: InstanceId | undefined; limit: number }): Promise<Instance[]>;
  /** The records of those that are not stopped, oldest first: of one run, or of one server. */
  listRecords(of: { runId: RunId } | { server: ServerId }): Promise<InstanceRecord[]>;
  /** Throws `CcrError` with `not_found`, as do the others. */
  saveHandle(id: InstanceId, handle: SandboxHandle, fence: number): Promise<void>;
  /** From now on this server looks after the sandbox. */
  setServer(id: InstanceId, server: ServerId, fence: number): Promise<void>;
  /** Setting the status it has already changes nothing; `stopped` is for ever. */
  setStatus(id: InstanceId, status: Instance["status"], fence: number | null): Promise<void>;
}
