import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import { type AllowRule, AuditRecord, type Door, RunId } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { type AuditLog, type AuditOptions, openAuditLog } from "../audit.ts";
import type { Credential } from "../credential.ts";
import { createGateway, type Gateway } from "../gateway.ts";
import type { Limits } from "../limits.ts";

export const SECRET = "sk-ant-real-0123456789abcdef";
export const RUN = RunId.parse("run_0123456789");
export const OTHER_RUN = RunId.parse("run_abcdefghij");

/** The audit log of `RUN`, without a gateway. */
export const openTestLog = (
  auditPath: string,
  changes: Partial<AuditOptions & Pick<Door, "fence" | "auditAfter">> = {},
): Promise<AuditLog> => {
  const { fence = 1, auditAfter = 0, ...options } = changes;
  const door = { auditPath, runId: RUN, fence, auditAfter };
  return openAuditLog(door, { now: Date.now, control: null, note: () => {}, ...options });
};

/** The port of a server that listens on TCP. */
export const portOf = (server: net.Server): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
};

/** A server that listens on 127.0.0.1, or at the path of a unix socket. */
export const listening = async <S extends net.Server>(server: S, path?: string): Promise<S> => {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen({ path }, resolve);
  });
  return server;
};

/** A real HTTP server on 127.0.0.1 that remembers what it was asked; disposing it cuts what is open. */
export const startOrigin = async (listener: RequestListener) => {
  const requests: IncomingMessage[] = [];
  const server: Server = await listening(
    createServer((request, response) => {
      requests.push(request);
      listener(request, response);
    }),
  );
  return {
    requests,
    port: portOf(server),
    url: `http://127.0.0.1:${portOf(server)}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

type MakeServer = (onConnection: (socket: net.Socket) => void) => net.Server;

/** A server of bare connections on 127.0.0.1. */
export const startRawOrigin = async (onConnection: (socket: net.Socket) => void, create: MakeServer = net.createServer) => {
  const sockets = new Set<net.Socket>();
  const server = await listening(
    create((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onConnection(socket);
    }),
  );
  return {
    sockets,
    port: portOf(server),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** Connects to a door as a client in a sandbox does. */
export const connectTo = (socketPath: string): net.Socket => net.connect({ path: socketPath });

/** Sends bytes as they are and gives all that comes back until the connection is closed. */
export const sendRaw = async (socketPath: string, bytes: string | Buffer): Promise<string> => {
  const socket = connectTo(socketPath);
  socket.write(bytes);
  return text(socket);
};

type HouseOptions = {
  upstream?: string;
  credential?: Credential;
  allow?: AllowRule[];
  limits?: Partial<Limits>;
  /** Addresses by name; other names do not exist. */
  names?: Record<string, string[]>;
  resolve?: (host: string) => Promise<string[]>;
  isPublic?: (address: string) => boolean;
  now?: () => number;
  note?: (text: string) => void;
};

/** A gateway in this process with one open door. Only 127.0.0.1 counts as a public address, so that tests have something to reach. */
export const openHouse = async (options: HouseOptions = {}) => {
  const folder = await temporaryFolder();
  await mkdir(folder.join("doors"));
  const lookups: string[] = [];
  const gateway: Gateway = createGateway({
    upstream: {
      baseUrl: new URL(options.upstream ?? "http://127.0.0.1:9"),
      credential: options.credential ?? { kind: "api_key", secret: SECRET },
    },
    limits: { requestHeadersMs: 2_000, connectMs: 2_000, resolveMs: 2_000, floodDelayMs: 1, ...options.limits },
    resolve: async (host) => {
      lookups.push(host);
      if (options.resolve !== undefined) return options.resolve(host);
      const addresses = options.names?.[host];
      if (addresses === undefined) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
      return addresses;
    },
    isPublic: options.isPublic ?? ((address) => address === "127.0.0.1"),
    ...(options.now === undefined ? {} : { now: options.now }),
    note: options.note ?? (() => {}),
  });
  const door: Door = {
    runId: RUN,
    socketPath: folder.join("doors", "gateway.sock"),
    alsoAt: [],
    auditPath: folder.join("audit.ndjson"),
    policy: { allow: options.allow ?? [] },
    fence: 1,
    auditAfter: 0,
  };
  await gateway.openDoor(door);

  /** The first `count` records, waiting for those that are still to come. */
  const records = async (count: number): Promise<AuditRecord[]> => {
    const enough = new AbortController();
    const found: AuditRecord[] = [];
    for await (const lines of gateway.followAudit(RUN, { after: 0 }, enough.signal)) {
      for (const line of lines.toString().trimEnd().split("\n")) found.push(AuditRecord.parse(JSON.parse(line)));
      if (found.length >= count) enough.abort();
    }
    return found;
  };
  return {
    gateway,
    door,
    folder,
    lookups,
    records,
    send: (bytes: string | Buffer) => sendRaw(door.socketPath, bytes),
    setAllow: (allow: AllowRule[]) => gateway.openDoor({ ...door, policy: { allow } }),
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await folder[Symbol.asyncDispose]();
    },
  };
};

/** A request to the model as Claude Code sends it, over its own connection. */
export const modelRequest = (body: string, headers: Record<string, string> = {}, target = "/v1/messages?beta=true"): string =>
  [
    `POST ${target} HTTP/1.1`,
    "Host: 127.0.0.1:3128",
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    body,
  ].join("\r\n");
