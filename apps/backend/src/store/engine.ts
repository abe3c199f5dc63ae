import type { RunId } from "@ccr/protocol";
import type { Kysely, SelectQueryBuilder } from "kysely";
import type { Database } from "./schema.ts";

export type RunIdQuery = SelectQueryBuilder<Database, "runs", { id: RunId }>;

/** What differs between the databases that hold a store; all else is the same SQL. */
export interface Engine {
  readonly db: Kysely<Database>;
  /** Makes the choice of the run to claim pass over one that somebody else is claiming at this moment. */
  claimable(oldestQueued: RunIdQuery): RunIdQuery;
  /** Calls `changed` whenever another process may have changed a run, until the signal. Rejects when it can no longer know. */
  watch(changed: () => Promise<void>, signal: AbortSignal): Promise<void>;
}
