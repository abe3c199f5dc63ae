import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import { RUN_STATUSES } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { getRequestListener } from "@hono/node-server";
import { createLog } from "../../observe/log.ts";
import { createMask } from "../../observe/mask.ts";
import { createMetrics } from "../../observe/metrics.ts";
import { createAccess } from "../access.ts";
import { createHttp, type HttpOptions } from "../http.ts";
import type { Context } from "../trpc.ts";
import { noContext, unused } from "./no-context.ts";

export const TOKEN = "token-of-the-test-0123456789";

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

/** The whole HTTP interface on a port of its own, over the rooms that are given. */
export const serveHttp = async (options: Partial<Omit<HttpOptions, "context">> & { context?: Partial<Context> } = {}) => {
  const folder = await temporaryFolder();
  const lines: string[] = [];
  const app = createHttp({
    access: createAccess({ token: TOKEN, host: "127.0.0.1", publicUrl: null, loopbackOnly: true }),
    downloads: { patch: unused, bundle: unused, conversation: unused, checkOutput: unused, transcript: unused },
    uiFolder: folder.path,
    readiness: async () => ({ ready: true, parts: { store: "ok", sandbox: "ok", gateway: "ok", disk: "ok" } }),
    metrics: createMetrics({
      version: "0",
      countRuns: async () => RUN_STATUSES.slice(0, 1).map((status) => ({ status, reason: null, count: 1 })),
      disk: async () => ({ places: [], enough: true }),
      process: false,
    }),
    log: createLog({
      write: (line) => lines.push(line),
      format: "json",
      level: "debug",
      mask: createMask([TOKEN]),
      colours: false,
    }),
    ...options,
    context: { ...noContext, ...options.context },
  });
  const server = createServer(getRequestListener(app.fetch));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  /** Sends a request as it is told: no header of its own but a Host. */
  const ask = (
    path: string,
    { headers = {}, method = "GET", body = "" }: { headers?: Record<string, string>; method?: string; body?: string } = {},
  ) =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      sent.on("error", reject).end(body);
    });
  const bearer = { authorization: `Bearer ${TOKEN}` };

  return {
    url: `http://127.0.0.1:${port}`,
    lines,
    ask,
    /** Calls a query. */
    query: (name: string, input?: unknown) =>
      ask(`/trpc/${name}${input === undefined ? "" : `?input=${encodeURIComponent(JSON.stringify(input))}`}`, {
        headers: bearer,
      }),
    /** Calls a mutation. */
    mutate: (name: string, input: unknown) =>
      ask(`/trpc/${name}`, {
        method: "POST",
        headers: { ...bearer, "content-type": "application/json" },
        body: JSON.stringify(input),
      }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await folder[Symbol.asyncDispose]();
    },
  };
};
