import { once } from "node:events";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import { createStore } from "./create-store.ts";
import type { Changed, Engine } from "./engine.ts";
import { createIds, type Ids } from "./ids.ts";
import { migrate } from "./migrations/index.ts";
import type { Database } from "./schema.ts";
import { openDatabase, openMemory } from "./sqlite-database.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import type { Store } from "./types.ts";

/** Instead of a file: a database in memory, for this store alone, which is gone when it is closed. */
export const IN_MEMORY = ":memory:";

export type SqliteStoreOptions = {
  /** The database's file; it and its folder are made when they are not there, readable by this user alone. Or `IN_MEMORY`. */
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
const watchOthers = async (db: Kysely<Database>, changed: Changed, signal: AbortSignal): Promise<void> => {
  let seen: number | null = null;
  while (!signal.aborted) {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(db);
    const version = rows[0]?.data_version ?? null;
    if (version !== seen) await changed(null);
    seen = version;
    await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => {}); // rejects only when it is to stop
  }
};

/** Nobody else can see a database in memory, so that there is nothing to look for until the signal. */
const watchNobody = async (changed: Changed, signal: AbortSignal): Promise<void> => {
  await changed(null);
  if (!signal.aborted) await once(signal, "abort");
};

/** The pages, and what waits in the write-ahead log. */
const sizeOf = async (db: Kysely<Database>, file: string | null): Promise<number> => {
  const { rows } = await sql<{ bytes: number }>`
    select page_count * page_size as bytes from pragma_page_count, pragma_page_size`.execute(db);
  // There is no log before the first write, nor in memory.
  const log = file === null ? null : await stat(`${file}-wal`).catch(() => null);
  return (rows[0]?.bytes ?? 0) + (log?.size ?? 0);
};

/** SQLite as a store's engine. `file` is null for a database in memory. */
export const sqliteEngine = (db: Kysely<Database>, file: string | null): Engine => ({
  db,
  exclusively: async () => {}, // a transaction has the only write lock from its beginning
  announce: async () => {}, // the others look at SQLite's own counter of commits
  watch: (changed, signal) => (file === null ? watchNobody(changed, signal) : watchOthers(db, changed, signal)),
  sizeBytes: () => sizeOf(db, file),
});

/**
 * Opens the store in an SQLite file, making it or bringing its schema up to date. Several processes may have it open. Throws `CcrError` with one
 * sentence that says what to do when the place cannot be written, the file is something else, is damaged, or belongs to a newer version.
 */
export const openSqliteStore = async (options: SqliteStoreOptions): Promise<Store> => {
  const { path, now = () => new Date(), ids = createIds(now), busyTimeoutMs = BUSY_TIMEOUT_MS } = options;
  const file = path === IN_MEMORY ? null : resolve(path);
  const name = file ?? "in memory";
  const database: DatabaseSync = file === null ? openMemory() : await openDatabase(file, busyTimeoutMs);
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(database, name) });
  try {
    await migrate(db, name);
  } catch (error) {
    await db.destroy();
    if (database.isOpen) database.close(); // Kysely closes only what it has used
    throw error;
  }
  return createStore({ engine: sqliteEngine(db, file), ids, now });
};
