import type { RunId } from "@ccr/protocol";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "./schema.ts";

/** Told of runs that have changed; null: perhaps any. */
export type Changed = (runIds: ReadonlySet<RunId> | null) => Promise<void>;

/** What differs between the databases that hold a store; all else is the same SQL. */
export interface Engine {
  readonly db: Kysely<Database>;
  /** Keeps everybody else who asks for this, in any process, waiting until the transaction ends: what it then reads of the queue stays true. */
  exclusively(trx: Transaction<Database>): Promise<void>;
  /** Tells the other processes, once the transaction is committed, that these runs have changed. */
  announce(trx: Transaction<Database>, runIds: readonly RunId[]): Promise<void>;
  /**
   * Calls `changed` for everything when it begins, and then whenever another process may have changed a run, one call after the other, until
   * the signal. Rejects when it can no longer know, or when `changed` does.
   */
  watch(changed: Changed, signal: AbortSignal): Promise<void>;
  /** What the database takes on its disk. */
  sizeBytes(): Promise<number>;
}
