import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import { createStore } from "./create-store.ts";
import type { Engine } from "./engine.ts";
import { createIds, type Ids } from "./ids.ts";
import { migrate } from "./migrations/index.ts";
import type { Database } from "./schema.ts";
import { openDatabase } from "./sqlite-database.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import type { Store } from "./types.ts";

export type SqliteStoreOptions = {
  /** The database's file; it and its folder are made when they are not there, readable by this user alone. */
  path: string;
  now?: () => Date;
  ids?: Ids;
  /** How long a statement waits for another process's write, and the event loop with it. */
  busyTimeoutMs?: number;
};

// Longer than any commit of ours takes on a slow disk.
const BUSY_TIMEOUT_MS = 5000;
// How often a change by another process is looked for. It costs one pragma, which reads no page.
const WATCH_INTERVAL_MS = 1000;

/** SQLite's own counter of commits by others: it stays the same while only this connection writes. */
const watchOthers = async (db: Kysely<Database>, changed: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  let seen: number | null = null;
  while (!signal.aborted) {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(db);
    const version = rows[0]?.data_version ?? null;
    if (version !== seen) await changed();
    seen = version;
    await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => {}); // rejects only when it is to stop
  }
};

/**
 * Opens the store in an SQLite file, making it or bringing its schema up to date. Several processes may have it open. Throws `CcrError` with one
 * sentence that says what to do when the place cannot be written, the file is something else, is damaged, or belongs to a newer version.
 */
export const openSqliteStore = async (options: SqliteStoreOptions): Promise<Store> => {
  const { path, now = () => new Date(), ids = createIds(now), busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  const file = resolve(path);
  const database = await openDatabase(file, busyTimeoutMs);
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(database, file) });
  const engine: Engine = {
    db,
    claimable: (query) => query, // one writer at a time: nobody else is claiming now
    watch: (changed, signal) => watchOthers(db, changed, signal),
  };
  try {
    await migrate(db, file);
  } catch (error) {
    await db.destroy();
    if (database.isOpen) database.close(); // Kysely closes only what it has used
    throw error;
  }
  return createStore({ engine, ids, now });
};
