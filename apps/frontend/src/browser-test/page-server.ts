import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { extname, join, normalize } from "node:path";
import { appRouter } from "@ccr/backend/router";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import type { MemoryBackend } from "./memory-backend.ts";

export const TOKEN = "a-token-of-the-test";

/** The policy under which the page is served, word for word. */
export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** The built page and the real router over HTTP, with faults to be set. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
  /** Asks for the cookie from now on. */
  requireLogin(): void;
  /** Cuts every connection that is open. */
  cut(): void;
  /** Ends every subscription as a proxy does that has had enough of it: cleanly. */
  endStreams(): void;
  /** Answers every API request with this status, until null. */
  setFault(status: number | null): void;
  /** How many subscriptions were opened so far. */
  streamsOpened(): number;
}

export const startPageServer = async (dist: string, backend: MemoryBackend): Promise<PageServer> => {
  let loginRequired = false;
  let fault: number | null = null;
  let opened = 0;
  const streams = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const api = createHTTPHandler({ router: appRouter, basePath: "/trpc/", createContext: () => backend.context });

  const serveFile = async (path: string, accepted: string, response: ServerResponse): Promise<void> => {
    const wanted = normalize(path).replace(/^\/+/, "");
    const file = extname(wanted) === "" ? "index.html" : wanted;
    const compressed = /\bbr\b/.test(accepted) ? await readFile(join(dist, `${file}.br`)).catch(() => null) : null;
    const body = compressed ?? (await readFile(join(dist, file)).catch(() => null));
    if (body === null) return void response.writeHead(404).end();
    response.writeHead(200, {
      ...(compressed === null ? {} : { "content-encoding": "br" }),
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": CONTENT_SECURITY_POLICY,
    });
    response.end(body);
  };

  const logIn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (!body.includes(`"${TOKEN}"`)) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: "unauthorized", message: "This is not the token." } }));
      return;
    }
    response.writeHead(204, { "set-cookie": `ccr=${TOKEN}; HttpOnly; SameSite=Strict; Path=/` }).end();
  };

  const refuse = (response: ServerResponse, status: number): void => {
    const code = status === 401 ? "unauthorized" : "unavailable";
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { code, message: "The server is not available." } }));
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (pathname === "/login" && request.method === "POST") return void logIn(request, response);
    if (!pathname.startsWith("/trpc/")) {
      return void serveFile(pathname, String(request.headers["accept-encoding"]), response);
    }
    if (fault !== null) return refuse(response, fault);
    if (loginRequired && !(request.headers.cookie ?? "").includes(`ccr=${TOKEN}`)) return refuse(response, 401);
    if (pathname === "/trpc/runs.onMessage") {
      opened += 1;
      streams.add(response);
      response.on("close", () => streams.delete(response));
    }
    api(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    requireLogin: () => {
      loginRequired = true;
    },
    cut,
    endStreams() {
      for (const response of streams) response.end();
    },
    setFault: (status) => {
      fault = status;
    },
    streamsOpened: () => opened,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
};
