import { createServer, type Server, type Socket } from "node:net";
import { dial, GATEWAY_PATIENCE, type Patience } from "./dial.ts";

/** Pipes bytes both ways, each direction ending by itself; an error on one side ends both. */
export const pipeSockets = (left: Socket, right: Socket): void => {
  const both = [left, right] as const;
  left.pipe(right);
  right.pipe(left);
  for (const socket of both) {
    socket.on("error", () => {
      left.destroy();
      right.destroy();
    });
    // A socket that was closed without an end (a reset) leaves the other one waiting for ever.
    socket.on("close", () => {
      for (const other of both) if (other !== socket) other.destroySoon();
    });
  }
};

export interface ForwarderOptions {
  socketPath: string;
  port: number;
  /** Told whenever it changes how many connections wait for a gateway that cannot be reached. */
  onWaiting?: (count: number) => void;
  /** Told of each connection to the gateway. */
  onReached?: () => void;
  patience?: Patience;
}

export interface Forwarder extends AsyncDisposable {
  /** The loopback address that leads to the gateway. */
  readonly url: string;
}

/** What all that wait may have sent together before they are made to wait with the rest. A request to the model has 32 MB at most. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Opens a loopback port whose connections lead to a unix socket. While nobody listens there they are held, with what they have sent, and go
 * on when somebody does. Rejects when the port is taken.
 */
export const startForwarder = async (options: ForwarderOptions): Promise<Forwarder> => {
  const { socketPath, port, onWaiting = () => {}, onReached = () => {}, patience = GATEWAY_PATIENCE } = options;
  const open = new Set<Socket>();
  const waiting = new Set<Socket>();
  let heldBytes = 0;

  const keep = (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const change = (socket: Socket, waits: boolean) => {
    const before = waiting.size;
    if (waits) waiting.add(socket);
    else waiting.delete(socket);
    if (waiting.size !== before) onWaiting(waiting.size);
  };

  const carry = async (inside: Socket): Promise<void> => {
    const gaveUp = new AbortController();
    const leave = () => gaveUp.abort();
    const held: Buffer[] = [];
    const hold = (chunk: Buffer) => {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes > HELD_BYTES_MAX) inside.pause();
    };
    inside.once("close", leave);
    try {
      const outside = await dial(socketPath, {
        patience,
        signal: gaveUp.signal,
        onWait: () => {
          change(inside, true);
          // Only who is read from is seen to leave.
          inside.on("data", hold);
          inside.once("end", leave);
        },
      });
      keep(outside);
      inside.off("data", hold).off("end", leave).off("close", leave);
      onReached();
      for (const chunk of held) outside.write(chunk);
      pipeSockets(inside, outside);
    } catch {
      inside.resetAndDestroy();
    } finally {
      for (const chunk of held) heldBytes -= chunk.length;
      change(inside, false);
    }
  };

  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (inside) => {
    keep(inside);
    void carry(inside);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
  server.on("error", () => {}); // a connection that cannot be accepted is the caller's to try again
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${actual}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
};
