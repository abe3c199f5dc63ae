import { randomBytes } from "node:crypto";
import { lstatSync, unlinkSync } from "node:fs";
import { lstat, rename } from "node:fs/promises";
import type { Server } from "node:http";
import net from "node:net";
import path from "node:path";
import { CcrError } from "@ccr/protocol";
import { reasonOf } from "./reason.ts";

const MAX_PATH_BYTES = 107;
/** Enough to be free, and no more than the names of doors have. */
const NAME_BYTES = 12;
/** Names that are as short as the socket's own may be taken. */
const TRIES = 5;

/** A server that listens at a path. */
export type Listening = {
  /** Whether the path still leads to it. */
  isInPlace(): boolean;
  /** Takes its file away, unless there is another one by now. Before the server is closed, since the file's number is free from then on. */
  remove(): void;
};

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

/** What tells a file from every other one that is there at the same time. Null: there is none, or none that can be seen. */
const identityOf = (file: string): string | null => {
  try {
    const { dev, ino } = lstatSync(file, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
};

const checkPlace = async (place: string): Promise<void> => {
  const found = await lstat(place).catch(() => null);
  if (found !== null && !found.isSocket())
    throw new CcrError("conflict", `There is a file at ${place} that is not a socket. Remove it, or take another path.`);
};

/** No longer than the socket's own name, so that its path fits where that one fits. */
const nameBeside = (place: string): string => {
  const length = Math.min(NAME_BYTES, Buffer.byteLength(path.basename(place)));
  return path.join(path.dirname(place), randomBytes(NAME_BYTES).toString("hex").slice(0, length));
};

const bind = (server: Server, place: string, mode: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      server.off("listening", onListening);
      reject(error);
    };
    const onListening = () => {
      server.off("error", onError);
      resolve();
    };
    server.once("error", onError).once("listening", onListening);
    // Node binds within this call, so nothing else sees the changed umask.
    const before = process.umask(0o777 & ~mode);
    try {
      server.listen({ path: place });
    } finally {
      process.umask(before);
    }
  });

const bindBeside = async (server: Server, place: string, mode: number): Promise<string> => {
  for (let tries = 1; ; tries++) {
    const beside = nameBeside(place);
    try {
      if (beside === place) throw Object.assign(new Error("the same name"), { code: "EADDRINUSE" });
      await bind(server, beside, mode);
      return beside;
    } catch (error) {
      if (reasonOf(error) !== "EADDRINUSE" || tries >= TRIES) throw error;
    }
  }
};

/**
 * Listens on a unix socket, in place of whatever socket is there, with exactly these permissions from its first moment on: a `chmod`
 * afterwards could be led astray by whoever may write to the folder. Not in worker threads, which have no umask of their own.
 *
 * The socket is made under another name and moved to its own. So there is no moment without one, and Node, which removes what it has bound
 * when a server is closed, does not remove what somebody else has put there since. Whoever may write to the folder can put anything in the
 * place of either, which harms nobody but those who connect: a move follows no link, and what is moved is in that folder.
 */
export const listenOnSocket = async (server: Server, place: string, mode: number): Promise<Listening> => {
  if (Buffer.byteLength(place) > MAX_PATH_BYTES)
    throw new CcrError("bad_request", `A unix socket's path has at most ${MAX_PATH_BYTES} bytes: ${place}`);
  await checkPlace(place);
  let own: string | null;
  try {
    const beside = await bindBeside(server, place, mode);
    own = identityOf(beside);
    await rename(beside, place);
  } catch (error) {
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    throw new CcrError("unavailable", `Cannot listen at ${place} (${reasonOf(error)}). Its folder must exist and be writable.`);
  }
  // The number of a file that is in use is given to no other.
  const isInPlace = (): boolean => own !== null && identityOf(place) === own;
  return {
    isInPlace,
    remove: () => {
      try {
        // In one go, so that hardly anybody can come in between. A door that is taken away all the same is put there again by whose it is.
        if (isInPlace()) unlinkSync(place);
      } catch {
        // Its folder is gone, or somebody was faster.
      }
    },
  };
};
