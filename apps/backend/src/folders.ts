import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
};

/** Makes the folders below the data folder, closed to every other user: what is mounted into sandboxes is mounted by whoever may read it. */
export const makeFolders = async (dataDir: string): Promise<Folders> => {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await (await open(join(dataDir, ".writable"), "w")).close();
    await rm(join(dataDir, ".writable"));
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
  };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(doors);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new StartError(
      `${doors} belongs to somebody else; choose a shorter data folder with CCR_DATA_DIR, so that sockets fit into it.`,
    );
  }
  await chmod(doors, 0o700);
  return folders;
};

/** Holds the data folder for this process alone, until disposed of; a lock that a killed process left is taken over. */
export const lockFolder = async (folders: Folders, dataDir: string): Promise<AsyncDisposable> => {
  const path = join(folders.doors, "server.sock");
  const listen = (): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy());
      server.once("error", reject);
      server.listen(path, () => resolve(server));
    });
  const isHeld = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = createConnection(path);
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  const server = await listen().catch(async (error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    if (await isHeld()) {
      throw new StartError(
        `Another claude-code-runner uses ${dataDir} already; stop it, or choose another folder with CCR_DATA_DIR.`,
      );
    }
    await rm(path, { force: true });
    return listen();
  });
  server.unref();
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
};

/** The token of earlier starts, or a new one, kept where only this user can read it. */
export const keptToken = async (dataDir: string): Promise<string> => {
  const path = join(dataDir, "token");
  const kept = await readFile(path, "utf8").catch(() => null);
  if (kept !== null && kept.trim().length >= 16) return kept.trim();
  const token = randomBytes(32).toString("hex");
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  await chmod(path, 0o600);
  return token;
};
