import { connect, createServer, type Server, type Socket } from "node:net";

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

export interface Forwarder extends AsyncDisposable {
  /** The loopback address that leads to the gateway. */
  readonly url: string;
}

/** Opens a loopback port whose connections lead to a unix socket. Rejects when the port is taken. */
export const startForwarder = async ({ socketPath, port }: { socketPath: string; port: number }): Promise<Forwarder> => {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (inside) => {
    const outside = connect({ path: socketPath, allowHalfOpen: true });
    for (const socket of [inside, outside]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    pipeSockets(inside, outside);
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
