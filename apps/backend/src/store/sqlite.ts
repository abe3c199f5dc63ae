import { chmod, mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { CcrError } from "@ccr/protocol";
import { Kysely, sql } from "kysely";
import { createStore } from "./create-store.ts";
import type { Engine } from "./engine.ts";
import { createIds, type Ids } from "./ids.ts";
import { migrate } from "./migrations/index.ts";
import type { Database } from "./schema.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import { explainSqliteError } from "./sqlite-errors.ts";
import type { Store } from "./types.ts";

export type SqliteStoreOptions = {
  /** The database's file; it and its folder are made when they are not there, readable by this user alone. */
  path: string;
  now?: () => Date;
  ids?: Ids;
};

// Below this, a WAL that is reset while another connection reads can lose commits (https://sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE = "3.51.3";
// The marks of our files, so that another program's database is not taken for ours: "CCR1" in ASCII.
const APPLICATION_ID = 0x43435231;
// How long a statement waits for another process's write; the event loop waits with it.
const BUSY_TIMEOUT_MS = 5000;
// How often a change by another process is looked for. It costs one pragma, which reads no page.
const WATCH_INTERVAL_MS = 1000;
// A WAL that one very long message has blown up is cut back to this many bytes.
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

/** Why this version of SQLite must not hold the data; null when it may. */
export const refuseSqliteVersion = (version: string): string | null => {
  const numbers = (text: string): number[] => text.split(".").map(Number);
  const [major = 0, minor = 0, patch = 0] = numbers(version);
  const [oldestMajor = 0, oldestMinor = 0, oldestPatch = 0] = numbers(OLDEST_SQLITE);
  const enough = (major - oldestMajor || minor - oldestMinor || patch - oldestPatch) >= 0;
  return enough
    ? null
    : `This Node carries SQLite ${version}, which can lose stored data; ${OLDEST_SQLITE} or newer is needed. Start the server with the Node that the project pins.`;
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Makes the file before SQLite does, because SQLite would make it readable for others; its `-wal` and `-shm` files take over the mode. */
const preparePlace = async (path: string): Promise<void> => {
  const folder = dirname(path);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CcrError(
      "unavailable",
      `The database's folder ${folder} cannot be made (${reasonOf(error)}). Make it yourself, or choose another place.`,
      { cause: error },
    );
  }
  try {
    const file = await open(path, "a", 0o600);
    await file.close();
    const found = await stat(path);
    if ((found.mode & 0o777) !== 0o600) await chmod(path, 0o600);
  } catch (error) {
    throw new CcrError(
      "unavailable",
      `The database ${path} cannot be written (${reasonOf(error)}). Check that it is a file, and that it and its folder belong to the server's user.`,
      { cause: error },
    );
  }
};

const pragma = (database: DatabaseSync, name: string): unknown =>
  Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0];

const claimFile = (database: DatabaseSync, path: string): void => {
  // One statement, because another process may be making its tables at this moment.
  const found = database
    .prepare("select application_id as mark, (select count(*) from sqlite_schema) as tables from pragma_application_id")
    .get();
  if (found?.mark === APPLICATION_ID) return;
  if (found?.mark !== 0 || found.tables !== 0) {
    throw new CcrError(
      "conflict",
      `The file ${path} is another program's SQLite database. Move it away, or point the server at another file.`,
    );
  }
  database.exec(`pragma application_id = ${APPLICATION_ID}`);
};

const openDatabase = (path: string): DatabaseSync => {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    const refusal = refuseSqliteVersion(String(database.prepare("select sqlite_version() as version").get()?.version));
    if (refusal !== null) throw new CcrError("unavailable", refusal);
    claimFile(database, path);
    const mode = pragma(database, "journal_mode = wal");
    if (mode !== "wal") {
      throw new CcrError(
        "unavailable",
        `The database ${path} lies on a file system without shared memory, perhaps a network one. Put it on a local disk.`,
      );
    }
    database.exec(`pragma synchronous = full; pragma journal_size_limit = ${WAL_KEPT_BYTES}`);
    return database;
  } catch (error) {
    database?.close();
    throw explainSqliteError(error, path);
  }
};

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
export const openSqliteStore = async ({
  path,
  now = () => new Date(),
  ids = createIds(now),
}: SqliteStoreOptions): Promise<Store> => {
  const file = resolve(path);
  await preparePlace(file);
  const database = openDatabase(file);
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
