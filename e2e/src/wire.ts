import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What stands between a browser and a server that may come and go, at an address that stays. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** Leads to another server from now on. */
  connect(serverUrl: string): void;
  /** Ends every stream as one ends a finished answer, and closes every connection that waits for a request. */
  closeStreams(): void;
  /** Lets every open stream go on without a word, so that nobody learns that it has died. */
  silenceStreams(): void;
  /** Never says a word again over any connection that is open, as when a machine slept too long; those that are made later work. */
  goDeaf(): void;
}

/** Forwards every request, as it came, to the server at this address. */
export const startWire = async (serverUrl: string): Promise<Wire> => {
  let target = new URL(serverUrl);
  const streams = new Map<ServerResponse, IncomingMessage>();
  const sockets = new Set<Socket>();
  const deaf = new WeakSet<Socket>();
  const silenceStreams = (): void => {
    for (const [answer, given] of streams) {
      given.unpipe(answer);
      given.resume();
    }
  };
  const forward = (asked: IncomingMessage, answer: ServerResponse): void => {
    if (deaf.has(asked.socket)) return void asked.resume();
    const { method = "GET", url = "/", headers } = asked;
    const onwards = request({ host: target.hostname, port: target.port, path: url, method, headers }, (given) => {
      if (deaf.has(asked.socket)) return void given.resume();
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
      given.on("error", () => answer.destroy());
      if (given.headers["content-type"]?.includes("event-stream") === true) streams.set(answer, given);
    });
    // As when nobody listens there.
    onwards.on("error", () => answer.destroy());
    asked.pipe(onwards);
    answer.on("close", () => {
      streams.delete(answer);
      onwards.destroy();
    });
  };
  const server = createServer(forward);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    connect: (next) => {
      target = new URL(next);
    },
    closeStreams: () => {
      for (const [answer, given] of streams) {
        given.unpipe(answer);
        answer.end();
      }
      server.closeIdleConnections();
    },
    silenceStreams,
    goDeaf: () => {
      silenceStreams();
      for (const socket of sockets) deaf.add(socket);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
