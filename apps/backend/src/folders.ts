import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, open, readdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ServerId } from "@ccr/protocol";

/** A start that cannot go on; `message` is the one line that a person reads. */
export class StartError extends Error {
  override readonly name = "StartError";
}

// The longest name below the doors' folder is `<instance id>/executor.sock`; a unix socket's path has at most 107 bytes.
const DOOR_NAME_BYTES = 64;
const SOCKET_PATH_MAX_BYTES = 107;

export type Folders = {
  /** For sockets: short enough for the kernel. */
  doors: string;
  instances: string;
  audit: string;
  sandboxes: string;
  /** For what is kept of runs beyond their sandboxes. */
  kept: string;
};

/** Makes a folder and those above it. Node's own recursive way never ends where a file system refuses new folders as not found, as /proc does. */
const makeFolder = async (folder: string, mayAscend = true): Promise<void> => {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EEXIST" && (await stat(folder)).isDirectory()) return;
    if (code !== "ENOENT" || !mayAscend) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder, false);
  }
};

/** Makes the folders below the data folder, closed to every other user: what is mounted into sandboxes is mounted by whoever may read it. */
export const makeFolders = async (dataDir: string): Promise<Folders> => {
  try {
    await makeFolder(dataDir);
    await (await open(join(dataDir, ".writable"), "w")).close();
    // Another start may be looking at the same time.
    await rm(join(dataDir, ".writable"), { force: true });
  } catch (error) {
    throw new StartError(
      `The data folder ${dataDir} cannot be written (${error instanceof Error ? error.message : String(error)}); choose another with CCR_DATA_DIR.`,
    );
  }
  const near = join(dataDir, "doors");
  const doors =
    Buffer.byteLength(near) + DOOR_NAME_BYTES <= SOCKET_PATH_MAX_BYTES
      ? near
      : join(tmpdir(), `ccr-${createHash("sha256").update(dataDir).digest("hex").slice(0, 12)}`);
  const folders = {
    doors,
    instances: join(dataDir, "instances"),
    audit: join(dataDir, "audit"),
    sandboxes: join(dataDir, "sandboxes"),
    kept: join(dataDir, "kept"),
  };
  for (const folder of Object.values(folders)) await makeFolder(folder);
  const found = await lstat(doors);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new StartError(
      `${doors} belongs to somebody else; choose a shorter data folder with CCR_DATA_DIR, so that sockets fit into it.`,
    );
  }
  await chmod(doors, 0o700);
  return folders;
};

/** Removes what lies outside of the data folder, when nothing is left in it. */
export const leaveFolders = async (folders: Folders, dataDir: string): Promise<void> => {
  // Sockets of sandboxes that could not be taken down keep it there for the next start.
  if (dirname(folders.doors) !== dataDir) await rmdir(folders.doors).catch(() => {});
};

// Two that start at the same moment hinder each other for an instant; the one that loses asks again for this long.
const LOCK_WITHIN_MS = 1000;
const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === SQLITE_BUSY;

/**
 * Holds the data folder for this process alone, until disposed of. The lock is the kernel's, on an empty file, taken through SQLite:
 * it ends with its process, however that ended, so there is never a stale one to take over. Throws `StartError` when it is held.
 */
export const lockFolder = (dataDir: string): Disposable => {
  const path = join(dataDir, "server.lock");
  let lock: DatabaseSync | null = null;
  try {
    lock = new DatabaseSync(path, { timeout: LOCK_WITHIN_MS });
    // A journal on the disk would need room there, and would be left by one that is killed.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    throw new StartError(
      isBusy(error)
        ? `Another claude-code-runner uses ${dataDir} already; stop it, or choose another folder with CCR_DATA_DIR.`
        : `${path} cannot be locked (${error instanceof Error ? error.message : String(error)}); choose a data folder on a disk of this machine with CCR_DATA_DIR.`,
    );
  }
  const held = lock;
  return { [Symbol.dispose]: () => held.close() };
};

/** What an earlier start wrote into a file of the data folder, or what `make` gives, written there for this user alone. */
const kept = async (path: string, options: { isValid: (text: string) => boolean; make: () => string }): Promise<string> => {
  const text = (await readFile(path, "utf8").catch(() => "")).trim();
  if (options.isValid(text)) return text;
  const made = options.make();
  await writeFile(path, `${made}\n`, { mode: 0o600 });
  await chmod(path, 0o600);
  return made;
};

/** The token of earlier starts, or a new one, kept where only this user can read it. */
export const keptToken = (dataDir: string): Promise<string> =>
  kept(join(dataDir, "token"), { isValid: (text) => text.length >= 16, make: () => randomBytes(32).toString("hex") });

/** Who the server of this data folder is, from its first start on. */
export const keptServerId = async (dataDir: string): Promise<ServerId> => {
  const isValid = (text: string) => ServerId.safeParse(text).success;
  return ServerId.parse(
    await kept(join(dataDir, "server-id"), { isValid, make: () => `srv_${randomBytes(10).toString("hex")}` }),
  );
};

/**
 * Makes sure that the data folder goes on with the database that it was used with: of runs that another one knows nothing of, sandboxes and
 * kept work would be taken for rubbish. A folder that holds none goes with any. Throws `StartError`.
 */
export const keepToDatabase = async (dataDir: string, database: { id: string; name: string }): Promise<void> => {
  const path = join(dataDir, "database-id");
  const isKept = (await kept(path, { isValid: (text) => text !== "", make: () => database.id })) === database.id;
  if (isKept) return;
  const left = await Promise.all(["instances", "kept"].map((folder) => readdir(join(dataDir, folder))));
  const runs = left.reduce((sum, names) => sum + names.length, 0);
  if (runs > 0) {
    throw new StartError(
      `The data folder ${dataDir} belongs to another database than ${database.name}, which knows nothing of the ${runs} sandboxes and pieces of kept work in it. Set DATABASE_URL to the one it was used with, or choose another folder with CCR_DATA_DIR. To give up what is in it, remove ${path}.`,
    );
  }
  await writeFile(path, `${database.id}\n`, { mode: 0o600 });
};

/** A name by which this machine is told from another one, also after it was started anew. */
export const machineName = async (): Promise<string> => {
  const id = (await readFile("/etc/machine-id", "utf8").catch(() => "")).trim();
  return id === "" ? hostname() : `${hostname()} ${createHash("sha256").update(id).digest("hex").slice(0, 12)}`;
};
