import { chmod, lstat, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { ListenAddress } from "./config.ts";

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const clearSocket = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  if (await isAnswered(path)) throw new Error(`another server listens on ${path}`);
  await rm(path, { force: true }); // left by one that was killed
};

/** Begins to listen, taking over a socket file that nobody answers on; gives the address for people. Rejects with a reason for people. */
export const listen = async (server: Server, address: ListenAddress): Promise<string> => {
  if (address.kind === "socket") await clearSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.kind === "socket" ? { path: address.path } : { host: address.host, port: address.port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  if (address.kind === "socket") {
    await chmod(address.path, address.mode);
    return address.path;
  }
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return `http://${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`;
};
