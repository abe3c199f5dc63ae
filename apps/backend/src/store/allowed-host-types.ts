import type { AllowRule, HostAndPort, Run, RunId, RunStatus } from "@ccr/protocol";
import type { NewMessage } from "./types.ts";

/** What people let runs reach while they go on. */
export interface AllowedHostStore {
  /**
   * Adds a host to those of a run that goes on, and appends the message that tells so, in one commit; a host that it has already is not added, and nothing
   * is told. `ended`: the run has ended, or is just being canceled; `full`: so many are the most that it may have. Throws `CcrError` with `not_found`.
   */
  add(
    runId: RunId,
    host: HostAndPort,
    how: { most: number; message: NewMessage },
  ): Promise<{ kind: "allowed"; run: Run } | { kind: "ended"; status: RunStatus } | { kind: "full" }>;
  /** Throws `CcrError` with `not_found`. */
  list(runId: RunId): Promise<AllowRule[]>;
  /** Calls `changed` soon after a host was added to the run, in any process, and once at the beginning. The result ends it. `changed` must not throw. */
  listen(runId: RunId, changed: () => void): () => void;
}
