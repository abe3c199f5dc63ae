import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { AuditRecord, type Door, RunId } from "@ccr/protocol";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { Agent, fetch } from "undici";
import { expect } from "vitest";
import { startGateway } from "../process.ts";

export const runId = RunId.parse("run_0123456789");
export const environment = {
  PATH: process.env.PATH ?? "",
  ANTHROPIC_API_KEY: "sk-test",
  ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
};

/** The status that a request through the door is answered with. */
export const knock = async (socketPath: string): Promise<number> => {
  const dispatcher = new Agent({ connect: { socketPath } });
  try {
    return (await fetch("http://door/v1/files", { dispatcher })).status;
  } finally {
    await dispatcher.close();
  }
};

/** The folder of a server, and gateways as that server starts them, one after the other. */
export const openServer = async () => {
  const parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const controlSocket = folder.join("control.sock");
  parts.defer(async () => {
    for (const pid of await pidsOf(controlSocket)) process.kill(pid, "SIGKILL");
    await waitFor(async () => (await pidsOf(controlSocket)).length === 0, { what: "the gateway's end" });
  });
  const said: string[] = [];
  await mkdir(folder.join("doors"));
  const door: Door = {
    runId,
    socketPath: folder.join("doors", "door.sock"),
    alsoAt: [],
    auditPath: folder.join("audit.ndjson"),
    policy: { allow: [] },
    fence: 1,
    auditAfter: 0,
  };
  const options = (changes: Record<string, string> = {}) => ({
    controlSocket,
    logFile: folder.join("gateway.log"),
    environment: { ...environment, ...changes },
    log: (_: string, text: string) => void said.push(text),
  });
  return {
    folder,
    controlSocket,
    said,
    door,
    options,
    start: (changes?: Record<string, string>) => startGateway(options(changes)),
    pid: async () => {
      const pids = await pidsOf(controlSocket);
      expect(pids).toHaveLength(1);
      return pids[0] ?? 0;
    },
    another: (id: string): Door => ({
      ...door,
      runId: RunId.parse(id),
      socketPath: folder.join("doors", `${id}.sock`),
      auditPath: folder.join(`${id}.ndjson`),
    }),
    /** The place of a further socket, in a folder of its own. */
    placeIn: async (name: string): Promise<string> => {
      await mkdir(folder.join(name));
      return folder.join(name, "door.sock");
    },
    /** A server as a process of its own, in a group of its own, that opens the door and then only lives. */
    startApart: async (changes: Record<string, string> = {}) => {
      const { log: _, ...plain } = options(changes);
      const script = `
        import { startGateway } from ${JSON.stringify(new URL("../process.ts", import.meta.url).href)};
        const gateway = await startGateway({ ...${JSON.stringify(plain)}, log: () => {} });
        await gateway.open(${JSON.stringify(door)});
        console.log("up");
        setInterval(() => {}, 1000);`;
      const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], {
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      });
      await once(owner.stdout, "data");
      return owner;
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
};

/** A gateway with its server. */
export const start = async () => {
  const parts = new AsyncDisposableStack();
  const server = parts.use(await openServer());
  const gateway = parts.use(await server.start());
  return { ...server, gateway, [Symbol.asyncDispose]: () => parts.disposeAsync() };
};

/** The gateways that serve a control socket. */
export const pidsOf = async (controlSocket: string): Promise<number[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const env = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (env.split("\0").includes(`GATEWAY_CONTROL=${controlSocket}`)) found.push(pid);
  }
  return found;
};

/** A model's server whose answer goes on for as long as it is told more to say. */
export const startTalkativeModel = async () => {
  const answers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    answers.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    answers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

/** An answer of the model that is read through a door. */
export const readThrough = async (socketPath: string) => {
  const socket = connect({ path: socketPath });
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = once(socket, "close");
  socket.write("POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
  await waitFor(() => text.includes("200 OK"), { what: "the answer's beginning" });
  return { text: () => text, ended };
};

export const recordsOf = async ({ auditPath }: Door): Promise<AuditRecord[]> =>
  (await readFile(auditPath, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

export const killGroup = (leader: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-leader, signal);
  } catch {
    // An earlier signal has ended it.
  }
};

export const childrenOf = async (pid: number): Promise<number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);
};

/** How long ago a process began. */
export const ageMs = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const uptime = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]);
  return uptime * 1000 - startTicks * 10;
};
