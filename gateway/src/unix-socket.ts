import { lstat, unlink } from "node:fs/promises";
import type { Server } from "node:http";
import net from "node:net";
import { CcrError } from "@ccr/protocol";
import { reasonOf } from "./reason.ts";

const MAX_PATH_BYTES = 107;

/** Whether somebody accepts connections at this socket. */
export const isLiveSocket = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

const removeStaleSocket = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket())
    throw new CcrError("conflict", `There is a file at ${path} that is not a socket. Remove it, or take another path.`);
  await unlink(path);
};

/**
 * Listens on a unix socket, in place of one that is left over, with exactly these permissions from its first moment on: a `chmod`
 * afterwards could be led astray by whoever may write to the folder. Not in worker threads, which have no umask of their own.
 */
export const listenOnSocket = async (server: Server, path: string, mode: number): Promise<void> => {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new CcrError("bad_request", `A unix socket's path has at most ${MAX_PATH_BYTES} bytes: ${path}`);
  await removeStaleSocket(path);
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error) => {
      server.off("listening", onListening);
      reject(
        new CcrError("unavailable", `Cannot listen at ${path} (${reasonOf(error)}). Its folder must exist and be writable.`),
      );
    };
    const onListening = () => {
      server.off("error", onError);
      resolve();
    };
    server.once("error", onError).once("listening", onListening);
    // Node binds within this call, so nothing else sees the changed umask.
    const before = process.umask(0o777 & ~mode);
    try {
      server.listen({ path });
    } finally {
      process.umask(before);
    }
  });
};
