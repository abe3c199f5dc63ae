import type { AuditRecord, Door, RunId } from "@ccr/protocol";

/**
 * The ways out that are open now. What is opened stays open until it is closed, also when the gateway's process is replaced in between, and
 * as long as that process lives also when this one ends.
 */
export interface Doors {
  /**
   * Opens a run's door, or changes the policy of one that is open. Idempotent: after a restart, one that is open still is adopted. One that is
   * open with another `socketPath` or `auditPath`, or in another server's gateway, is closed. Throws `unavailable` when the gateway does not come
   * to do it within some seconds, and at once when the door is closed meanwhile, or the gateway left: it stays wanted, and is opened when that
   * works. Throws `forbidden` when it was opened with a greater fencing number.
   *
   * Opening again with another `alsoAt` changes at which further sockets the door is: new ones are opened, and what goes through those that are
   * not named any more is cut, and nothing else. When a new one cannot be opened, it throws, and an open door goes on as it was; what was asked
   * for stays wanted, until it is asked for otherwise. A door that is not open, as after the end of its gateway, is opened at all of its sockets
   * or at none: so ask for it without the socket of a sandbox before that one's folder is removed.
   */
  open(door: Door): Promise<void>;
  /** Cuts what still goes through the door, also of one that an earlier start opened. Idempotent. */
  close(runId: RunId): Promise<void>;
  /** The runs whose doors are open, or are to be, also those of earlier starts. Throws `unavailable` when the gateway is not there now. */
  list(): Promise<RunId[]>;
  /** Records with `n` > `after`, then live ones, in order, until the door is closed or the signal aborts. For doors that were opened, or opened again, by this process. */
  followAudit(runId: RunId, range: { after: number }, signal: AbortSignal): AsyncIterable<AuditRecord>;
}

/** The doors with the process that serves them. Disposing is `leave`. */
export interface Gateway extends Doors, AsyncDisposable {
  /**
   * Stops looking after the gateway. While doors are open it goes on with them, so that runs go on and the next start finds it; without any
   * it is ended. Idempotent.
   */
  leave(): Promise<void>;
}
