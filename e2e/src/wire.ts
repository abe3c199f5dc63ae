import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

/** What stands between a browser and a server that may come and go, at an address that stays. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  /** Leads to another server from now on. */
  connect(serverUrl: string): void;
  /** Ends every stream as one ends a finished answer. */
  closeStreams(): void;
  /** Lets every open stream go on without a word, so that nobody learns that it has died. */
  silenceStreams(): void;
}

/** Forwards every request, as it came, to the server at this address. */
export const startWire = async (serverUrl: string): Promise<Wire> => {
  let target = new URL(serverUrl);
  const streams = new Map<ServerResponse, IncomingMessage>();
  const forward = (asked: IncomingMessage, answer: ServerResponse): void => {
    const { method = "GET", url = "/", headers } = asked;
    const onwards = request({ host: target.hostname, port: target.port, path: url, method, headers }, (given) => {
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
    },
    silenceStreams: () => {
      for (const [answer, given] of streams) {
        given.unpipe(answer);
        given.resume();
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
