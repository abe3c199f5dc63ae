import type { AuditRecord, Door, RunId } from "@ccr/protocol";

/** The ways out that are open now. What is opened stays open until it is closed, also when the gateway's process is replaced in between. */
export interface Doors {
  /** Opens a run's door, or changes the policy of one that is open. Idempotent. */
  open(door: Door): Promise<void>;
  /** Cuts what still goes through the door. Idempotent. */
  close(runId: RunId): Promise<void>;
  /** Records with `n` > `after`, then live ones, in order, until the door is closed or the signal aborts. */
  followAudit(runId: RunId, range: { after: number }, signal: AbortSignal): AsyncIterable<AuditRecord>;
}
