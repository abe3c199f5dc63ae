import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createNetServer, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { temporaryFolder } from "@ccr/testkit";

export interface EngineStandIn extends AsyncDisposable {
  /** Its address as in `DOCKER_HOST`. */
  engine: string;
}

/** What happens to one call on its way: it is passed on when this resolves to `pass`, and answered with a 500 and a message, or never, otherwise. */
export type Interception = (call: { method: string; path: string }) => Promise<"pass" | "hang" | "fail" | { failure: string }>;

export interface EngineProxy extends EngineStandIn {
  /** Resolves when every call that came so far has been answered by the engine, heard or not. */
  settled(): Promise<unknown>;
}

/** A way to a real engine on which single calls are held up, fail or hang. A caller that goes away stops no call, as with an engine. */
export const openEngineProxy = async (socketPath: string, intercept: Interception): Promise<EngineProxy> => {
  const folder = await temporaryFolder();
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const body: Buffer[] = [];
    for await (const piece of incoming) body.push(piece);
    const fate = await intercept({ method, path });
    if (fate === "hang") return;
    if (fate !== "pass") {
      const message = fate === "fail" ? "try again" : fate.failure;
      outgoing.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ message }));
      return;
    }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ socketPath, method, path, headers, agent: false }, resolve).once("error", reject).end(Buffer.concat(body));
    });
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    await pipeline(answer, outgoing);
  };
  const calls = new Set<Promise<void>>();
  const server = createServer((incoming, outgoing) => {
    calls.add(handle(incoming, outgoing).catch(() => void outgoing.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(folder.join("s"), resolve));
  return {
    engine: `unix://${folder.join("s")}`,
    settled: () => Promise.all(calls),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await folder[Symbol.asyncDispose]();
    },
  };
};

/** An engine that takes every call and answers none, as one that was stopped by a signal. */
export const openSilentEngine = async (): Promise<EngineStandIn> => {
  const folder = await temporaryFolder();
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(folder.join("s"), resolve));
  return {
    engine: `unix://${folder.join("s")}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await folder[Symbol.asyncDispose]();
    },
  };
};
