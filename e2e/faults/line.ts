import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

/** How a line carries: `open` as it should, `silent` takes connections and all that is sent and gives nothing back, `cut` refuses. */
export type LineState = "open" | "silent" | "cut";

/** A line to a server on this machine that can be cut. */
export interface Line extends AsyncDisposable {
  readonly url: string;
  /** Connections that are open are cut with it; on a silent line they stay, and what was held back is not sent later. */
  set(state: LineState): void;
}

/** Opens a line to a port. */
export const openLine = async (port: number): Promise<Line> => {
  let state: LineState = "open";
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === "cut") {
      near.resetAndDestroy();
      return;
    }
    const far = createConnection(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] satisfies [Socket, Socket][]) {
      sockets.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.on("end", () => other.end());
    }
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => {
      if (state === "open") near.write(data);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the line has no port");
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    set: (next) => {
      // An answer that has lost its middle must not look like a whole one.
      if (next !== state && next !== "silent") hangUp();
      state = next;
    },
    [Symbol.asyncDispose]: async () => {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
