import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { CcrError, Door, describeZodError, ERROR_STATUS, errorBody, gatewayRoutes, RunId } from "@ccr/protocol";
import { z } from "zod";
import type { Gateway } from "./gateway.ts";
import { reasonOf } from "./reason.ts";
import { isLiveSocket, listenOnSocket } from "./unix-socket.ts";

/** A policy of 1,000 rules with long names and many ports stays below. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

const After = z.coerce.number().int().nonnegative().default(0);
const Fence = z.coerce.number().int().nonnegative().optional();

type RouteName = keyof typeof gatewayRoutes;
type Call = { request: IncomingMessage; response: ServerResponse; parameters: Record<string, string>; query: URLSearchParams };

const read = <S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> => {
  const result = schema.safeParse(value);
  if (!result.success) throw new CcrError("bad_request", `${what}: ${describeZodError(result.error)}`);
  return result.data;
};

const readBody = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    // Read to its end all the same, so that the caller gets to the answer.
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (length > MAX_BODY_BYTES) throw new CcrError("payload_too_large", "The request's body is too large.");
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new CcrError("bad_request", "The request's body is not JSON.");
  }
};

const sendJson = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

const sendLines = async (response: ServerResponse, lines: AsyncIterable<Buffer>): Promise<void> => {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  // The reader knows at once that the door is open, also when there is no record yet.
  response.flushHeaders();
  await pipeline(lines, response);
};

const handlersOf = (gateway: Gateway): Record<RouteName, (call: Call) => Promise<void>> => {
  const runIdOf = ({ parameters }: Call): RunId => read(RunId, parameters.runId, "The run's id");
  return {
    health: async ({ response }) => sendJson(response, 200, gateway.health()),
    listDoors: async ({ response }) => sendJson(response, 200, gateway.listDoors()),
    openDoor: async (call) => {
      const door = read(Door, await readBody(call.request), "The door");
      if (door.runId !== runIdOf(call)) throw new CcrError("bad_request", "The run's id in the address and in the door differ.");
      await gateway.openDoor(door);
      call.response.writeHead(204).end();
    },
    closeDoor: async (call) => {
      const fence = read(Fence, call.query.get("fence") ?? undefined, "fence");
      await gateway.closeDoor(runIdOf(call), fence === undefined ? {} : { fence });
      call.response.writeHead(204).end();
    },
    followAudit: async (call) => {
      const after = read(After, call.query.get("after") ?? undefined, "after");
      const gone = new AbortController();
      call.response.on("close", () => gone.abort());
      await sendLines(call.response, gateway.followAudit(runIdOf(call), { after }, gone.signal));
    },
  };
};

/** The parameters of a path that fits a pattern like `/doors/:runId`; null when it does not fit. */
const matchPath = (pattern: string, path: string): Record<string, string> | null => {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const part = parts[index] ?? "";
    if (name.startsWith(":")) parameters[name.slice(1)] = part;
    else if (name !== part) return null;
  }
  return parameters;
};

/** The control interface, listening. */
export type Control = {
  /** Whether its socket is still where others look for it. */
  isReachable(): Promise<boolean>;
  /** Cuts what is under way. */
  close(): Promise<void>;
};

/**
 * Serves a gateway's control interface on a unix socket that only this user can open. Takes over a socket that nobody listens on;
 * throws `conflict` when another gateway does. `onRequest` hears of every request, before it is answered.
 */
export const serveControl = async (gateway: Gateway, socketPath: string, onRequest: () => void = () => {}): Promise<Control> => {
  if (await isLiveSocket(socketPath)) {
    throw new CcrError(
      "conflict",
      `Another gateway already serves ${socketPath}. Stop it first, or set GATEWAY_CONTROL to another path.`,
    );
  }
  const handlers = handlersOf(gateway);
  const routes: [RouteName, (typeof gatewayRoutes)[RouteName]][] = [
    ["health", gatewayRoutes.health],
    ["listDoors", gatewayRoutes.listDoors],
    ["openDoor", gatewayRoutes.openDoor],
    ["closeDoor", gatewayRoutes.closeDoor],
    ["followAudit", gatewayRoutes.followAudit],
  ];

  const dispatch = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://gateway");
    for (const [name, route] of routes) {
      const parameters = route.method === request.method ? matchPath(route.path, url.pathname) : null;
      if (parameters !== null) return handlers[name]({ request, response, parameters, query: url.searchParams });
    }
    throw new CcrError("not_found", "The gateway's control interface has no such route.");
  };

  const server = createServer((request, response) => {
    onRequest();
    dispatch(request, response).catch((error: unknown) => {
      const known = error instanceof CcrError ? error : new CcrError("internal", `The gateway failed (${reasonOf(error)}).`);
      // A stream that was begun is cut, so that its reader does not take it for ended.
      if (response.headersSent) response.destroy();
      else sendJson(response, ERROR_STATUS[known.code], errorBody(known));
    });
  });
  const listening = await listenOnSocket(server, socketPath, 0o600);
  return {
    isReachable: async () => listening.isInPlace(),
    close: () =>
      new Promise((resolve) => {
        listening.remove();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
