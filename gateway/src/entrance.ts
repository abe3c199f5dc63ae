import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Limits } from "./limits.ts";
import { type Listening, listenOnSocket } from "./unix-socket.ts";

/** What becomes of what comes in. Each signal is aborted when the socket is closed: what came through it is cut. */
export type EntranceHandlers = {
  onRequest: (exchange: { request: IncomingMessage; response: ServerResponse }, signal: AbortSignal) => void;
  onConnect: (exchange: { request: IncomingMessage; socket: Duplex; head: Buffer }, signal: AbortSignal) => void;
  onClientError: (error: unknown, socket: Duplex) => void;
  /** A connection was refused because there are too many. */
  onDrop: () => void;
  /** Whether a request is under way on the connection. */
  isBusy: (socket: Duplex) => boolean;
  /** Whether the door may have one more connection. */
  hasRoom: () => boolean;
};

/** A socket of a door, listening. */
export type Entrance = {
  /** The connections that it has now, idle ones included. */
  connections(): number;
  /**
   * Listens anew, unless whoever connects to the door's path comes to us. What is under way goes on. Throws as `listenOnSocket` does when it
   * cannot.
   */
  heal(): Promise<void>;
  /** Stops listening and cuts every connection; resolves when none is left. Never rejects. */
  close(): Promise<void>;
};

const MAX_HEADER_BYTES = 32 * 1024;

/** Opens a socket of a door: HTTP/1.1, as strict as Node can be. */
export const openEntrance = async (socketPath: string, limits: Limits, handlers: EntranceHandlers): Promise<Entrance> => {
  const { onRequest, onConnect, onClientError, onDrop, isBusy, hasRoom } = handlers;
  const connections = new Map<Duplex, Server>();
  const servers = new Set<Server>();
  const closing = new AbortController();
  const { signal } = closing;
  let healing: Promise<void> | null = null;

  const makeServer = (): Server => {
    const server = createServer({
      insecureHTTPParser: false,
      // Checked by the door itself, which also leaves a record.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.requestHeadersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(limits.requestHeadersMs, 5_000),
      // Sandboxed clients open hundreds of connections; an idle one costs little, a new one costs them a round trip.
      keepAliveTimeout: 60_000,
    });
    server.maxConnections = limits.connections;
    // Also for a client that stops reading; longer than the longest silence that a working exchange may have.
    server.timeout = Math.max(limits.modelHeadersMs, limits.modelIdleMs, limits.idleMs) + 60_000;
    const onAsked = (request: IncomingMessage, response: ServerResponse) => onRequest({ request, response }, signal);
    server.on("request", onAsked).on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue();
      onAsked(request, response);
    });
    server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      onConnect({ request, socket, head }, signal),
    );
    server.on("checkExpectation", onAsked).on("clientError", onClientError).on("drop", onDrop);
    server.on("connection", (socket) => {
      // Those of a server that listens no more count too.
      if (signal.aborted || !hasRoom()) {
        socket.destroy();
        onDrop();
        return;
      }
      connections.set(socket, server);
      socket.on("close", () => connections.delete(socket));
    });
    return server;
  };

  const listen = async (): Promise<{ server: Server; listening: Listening }> => {
    const server = makeServer();
    // Everybody who can reach the folder may connect: the sandbox's user is another one than ours, and the folder is its alone.
    const listening = await listenOnSocket(server, socketPath, 0o666);
    servers.add(server);
    return { server, listening };
  };

  const closed = (server: Server): Promise<void> =>
    new Promise((resolve) =>
      server.close(() => {
        servers.delete(server);
        resolve();
      }),
    );

  let current = await listen();

  const listenAnew = async (): Promise<void> => {
    const before = current;
    current = await listen();
    if (signal.aborted) return;
    // Such a server does not look any more after how long requests take to arrive.
    for (const [socket, server] of connections) if (server === before.server && !isBusy(socket)) socket.destroy();
    void closed(before.server);
  };

  return {
    connections: () => connections.size,
    heal: async () => {
      if (signal.aborted || current.listening.isInPlace()) return;
      healing ??= listenAnew().finally(() => {
        healing = null;
      });
      await healing;
    },
    close: async () => {
      closing.abort();
      // Node's own list lacks those that became tunnels or were not HTTP.
      for (const socket of connections.keys()) socket.destroy();
      await healing?.catch(() => {});
      current.listening.remove();
      await Promise.all([...servers].map(closed));
    },
  };
};
