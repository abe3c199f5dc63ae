import type { Kysely, Transaction } from "kysely";
import type { Database } from "./schema.ts";

/** What differs between the databases that hold a store; all else is the same SQL. */
export interface Engine {
  readonly db: Kysely<Database>;
  /** Keeps everybody else who asks for this, in any process, waiting until the transaction ends: what it then reads of the queue stays true. */
  exclusively(trx: Transaction<Database>): Promise<void>;
  /** Calls `changed` whenever another process may have changed a run, until the signal. Rejects when it can no longer know. */
  watch(changed: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** What the database takes on its disk. */
  sizeBytes(): Promise<number>;
}
