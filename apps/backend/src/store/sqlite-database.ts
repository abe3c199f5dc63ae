import { chmod, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CcrError } from "@ccr/protocol";
import { explainSqliteError } from "./sqlite-errors.ts";

// Below this, a WAL that is reset while another connection reads can lose commits (https://sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE = "3.51.3";
// The marks of our files, so that another program's database is not taken for ours: "CCR1" in ASCII.
const APPLICATION_ID = 0x43435231;
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

/** Opens the file for us alone, making it when it is not there. Throws `CcrError` with one sentence that says what to do. */
export const openDatabase = async (path: string, busyTimeoutMs: number): Promise<DatabaseSync> => {
  await preparePlace(path);
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
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

/** A database in memory, with the same rules. */
export const openMemory = (): DatabaseSync => new DatabaseSync(":memory:", { enableForeignKeyConstraints: true });
