import { randomBytes } from "node:crypto";
import { chmod, lstat, rename, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect, type ListenOptions } from "node:net";
import { dirname, join } from "node:path";
import { type ListenAddress, SOCKET_PATH_MAX_BYTES } from "./config.ts";

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const refuseTaken = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return; // what was left by one that was killed is replaced
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await isAnswered(path)) throw new Error(`another server listens on ${path}`);
};

// As long as `executor.sock`: a folder that has room for that one has room for this one.
const NAME_BYTES = 13;

/** A name beside a socket's that nobody else takes, and that the kernel takes. */
const nameBeside = (path: string): string => {
  const folder = dirname(path);
  const roomBytes = SOCKET_PATH_MAX_BYTES - Buffer.byteLength(folder) - 1;
  for (;;) {
    const name = randomBytes(NAME_BYTES).toString("hex").slice(0, Math.min(NAME_BYTES, roomBytes));
    if (join(folder, name) !== path) return join(folder, name);
  }
};

const begin = (server: Server, where: ListenOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });

export interface Listening {
  /** For people. */
  address: string;
  /** Takes the socket's name away, when it still leads here. Before the server is closed: then another's file cannot have its number yet. */
  leave(): Promise<void>;
  /** Resolves when the socket's name leads here no more, within about a second; never on the signal's account, nor for an address without a name. */
  lost(signal: AbortSignal): Promise<void>;
}

const LOOK_EVERY_MS = 500;

/**
 * A server that is closed removes the name that it was bound to, whoever listens there by then. So it is bound to a name of its own, and
 * gets the one that is asked for by renaming: that one leads to the old socket or the new, and never to one with other permissions.
 */
const listenOnSocket = async (server: Server, { path, mode }: { path: string; mode: number }): Promise<Listening> => {
  await refuseTaken(path);
  const bound = nameBeside(path);
  await begin(server, { path: bound });
  await chmod(bound, mode);
  const { dev, ino } = await lstat(bound);
  await rename(bound, path);
  const leadsHere = async (): Promise<boolean> => {
    const found = await lstat(path).catch(() => null);
    return found?.dev === dev && found.ino === ino;
  };
  return {
    address: path,
    leave: async () => {
      if (await leadsHere()) await rm(path, { force: true });
    },
    lost: (signal) =>
      new Promise((resolve) => {
        const look = setInterval(async () => {
          if (await leadsHere()) return;
          clearInterval(look);
          if (!signal.aborted) resolve();
        }, LOOK_EVERY_MS);
        look.unref();
        signal.addEventListener("abort", () => clearInterval(look), { once: true });
      }),
  };
};

/** Begins to listen, taking over a socket file that nobody answers on. Rejects with a reason for people. */
export const listen = async (server: Server, address: ListenAddress): Promise<Listening> => {
  if (address.kind === "socket") return listenOnSocket(server, address);
  const { host } = address;
  await begin(server, { host, port: address.port });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return {
    address: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    leave: async () => {},
    lost: () => new Promise(() => {}),
  };
};
