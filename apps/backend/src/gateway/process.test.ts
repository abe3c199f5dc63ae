import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { AuditRecord, type Door, RunId } from "@ccr/protocol";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { Agent, fetch } from "undici";
import { describe, expect, it } from "vitest";
import { startGateway } from "./process.ts";
import { endGateway, isGateway } from "./processes.ts";

const runId = RunId.parse("run_0123456789");
const environment = { PATH: process.env.PATH ?? "", ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" };

/** The status that a request through the door is answered with. */
const knock = async (socketPath: string): Promise<number> => {
  const dispatcher = new Agent({ connect: { socketPath } });
  try {
    return (await fetch("http://door/v1/files", { dispatcher })).status;
  } finally {
    await dispatcher.close();
  }
};

/** The folder of a server, and gateways as that server starts them, one after the other. */
const openServer = async () => {
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
    /** A server as a process of its own, in a group of its own, that opens the door and then only lives. */
    startApart: async (changes: Record<string, string> = {}) => {
      const { log: _, ...plain } = options(changes);
      const script = `
        import { startGateway } from ${JSON.stringify(new URL("./process.ts", import.meta.url).href)};
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
const start = async () => {
  const parts = new AsyncDisposableStack();
  const server = parts.use(await openServer());
  const gateway = parts.use(await server.start());
  return { ...server, gateway, [Symbol.asyncDispose]: () => parts.disposeAsync() };
};

/** The gateways that serve a control socket. */
const pidsOf = async (controlSocket: string): Promise<number[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const env = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (env.split("\0").includes(`GATEWAY_CONTROL=${controlSocket}`)) found.push(pid);
  }
  return found;
};

/** A model's server whose answer goes on for as long as it is told more to say. */
const startTalkativeModel = async () => {
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
const readThrough = async (socketPath: string) => {
  const socket = connect({ path: socketPath });
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = once(socket, "close");
  socket.write("POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
  await waitFor(() => text.includes("200 OK"), { what: "the answer's beginning" });
  return { text: () => text, ended };
};

const recordsOf = async ({ auditPath }: Door): Promise<AuditRecord[]> =>
  (await readFile(auditPath, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

describe("startGateway", () => {
  it("starts a gateway that was killed again, with the same doors, and goes on with their audits", async () => {
    await using started = await start();
    const { gateway, door, pid } = started;
    await gateway.open(door);
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, stop.signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });
    process.kill(await pid(), "SIGKILL");
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the door to be open again" });
    await waitFor(() => seen.length >= 2, { what: "the record after the restart" });
    expect(seen).toEqual(seen.map((_, index) => index + 1));
    await gateway.close(runId);
    await following;
    stop.abort();
  });

  it("opens every other door again when one cannot be opened, and that one once it can", async () => {
    await using started = await start();
    const { gateway, door, pid, said, another } = started;
    const blocked = another("run_blocked000");
    const given = another("run_givenup000");
    for (const each of [blocked, given, door]) await gateway.open(each);
    // As an agent can, whose folder this is.
    for (const { socketPath } of [blocked, given]) {
      await rm(socketPath);
      await mkdir(socketPath);
    }
    process.kill(await pid(), "SIGKILL");
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the door that nobody touched" });
    const complaints = () => said.filter((text) => text.includes(`door of ${blocked.runId} is not open`)).length;
    await waitFor(() => complaints() > 0, { what: "the complaint" });
    await gateway.close(given.runId);
    for (const { socketPath } of [blocked, given]) await rmdir(socketPath);
    await waitFor(async () => (await knock(blocked.socketPath)) === 403, { what: "the door whose place is free again" });
    expect(complaints()).toBe(1);
    // It was closed meanwhile: that it is tried no more shows in that its place stayed free.
    await expect(knock(given.socketPath)).rejects.toThrow();
  });

  it("waits longer each time before it starts a gateway that dies at once, and says once that audits wait for it", async () => {
    await using started = await start();
    const { gateway, door, controlSocket, pid, said } = started;
    await gateway.open(door);
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, stop.signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });
    const first = await pid();
    // The next ones cannot listen here.
    await rm(controlSocket);
    await mkdir(controlSocket);
    process.kill(first, "SIGKILL");
    await waitFor(() => said.some((text) => text.includes("started again in 1.6 s")), {
      what: "the fourth pause",
      timeoutMs: 30_000,
    });
    const pauses = said.flatMap((text) => /started again in ([\d.]+) s/.exec(text)?.[1] ?? []);
    expect(pauses).toEqual(["0.2", "0.4", "0.8", "1.6"]);
    expect(said.filter((text) => text.includes(`audit of ${runId}`))).toHaveLength(1);
    await rmdir(controlSocket);
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the door to be open again" });
    await waitFor(() => seen.length > 1, { what: "the record after the restart" });
    await gateway.close(runId);
    await following;
    stop.abort();
  });

  it("says what the gateway said when it does not come up, and leaves nothing of it", async () => {
    await using server = await openServer();
    await expect(server.start({ ANTHROPIC_API_KEY: "" })).rejects.toThrow("No credential for the model");
    expect(await pidsOf(server.controlSocket)).toEqual([]);
  });

  it("adopts what a server that was killed left: not a byte of what flows is cut, and its records are whole", async () => {
    await using model = await startTalkativeModel();
    await using server = await openServer();
    const settings = { ANTHROPIC_BASE_URL: model.url };
    const owner = await server.startApart(settings);
    const pid = await server.pid();
    const answer = await readThrough(server.door.socketPath);
    model.answers[0]?.write("before ");
    // What a terminal does at Ctrl-C and when it is closed, then the worst.
    for (const signal of ["SIGINT", "SIGHUP", "SIGKILL"] as const) if (owner.pid !== undefined) killGroup(owner.pid, signal);
    if (owner.exitCode === null && owner.signalCode === null) await once(owner, "exit");
    model.answers[0]?.write("between ");
    await waitFor(() => answer.text().includes("between"), { what: "what flows while no server is there" });

    await using gateway = await server.start(settings);
    expect(await server.pid()).toBe(pid);
    expect(server.said).toContainEqual(expect.stringContaining("goes on, with 1 open doors"));
    model.answers[0]?.end("after");
    await answer.ended;
    expect(answer.text().replaceAll(/\r\n[0-9a-f]+\r\n/g, "")).toMatch(/before between after/);
    await gateway.open(server.door);
    const stop = new AbortController();
    for await (const record of gateway.followAudit(runId, { after: 0 }, stop.signal)) {
      expect(record).toMatchObject({ n: 1, kind: "model", status: 200, rule: "the model route" });
      stop.abort();
    }
    // It is no child of ours, and looked after all the same.
    process.kill(pid, "SIGKILL");
    await waitFor(async () => (await knock(server.door.socketPath)) === 403, { what: "the door to be open again" });
    expect(await server.pid()).not.toBe(pid);
    await gateway.close(runId);
    expect((await recordsOf(server.door)).map(({ n, path }) => [n, path]).slice(0, 2)).toEqual([
      [1, "/v1/messages"],
      [2, "/v1/files"],
    ]);
  });

  it("replaces what has another credential, with its doors and their policies of then", async () => {
    await using server = await openServer();
    const owner = await server.startApart();
    const pid = await server.pid();
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await using gateway = await server.start({ ANTHROPIC_API_KEY: "sk-another" });
    expect(await server.pid()).not.toBe(pid);
    // Nobody has asked for the door yet.
    await waitFor(async () => (await knock(server.door.socketPath)) === 403, { what: "the door to be open again" });
    await gateway.close(runId);
    await expect(knock(server.door.socketPath)).rejects.toThrow();
  });

  it("replaces what is stuck, and what left nothing but its socket", async () => {
    await using server = await openServer();
    const owner = await server.startApart();
    const stuck = await server.pid();
    owner.kill("SIGKILL");
    await once(owner, "exit");
    process.kill(stuck, "SIGSTOP");
    {
      await using gateway = await server.start();
      expect(await server.pid()).not.toBe(stuck);
      await gateway.open(server.door);
      expect(await knock(server.door.socketPath)).toBe(403);
      process.kill(await server.pid(), "SIGKILL");
    }
    expect(existsSync(server.controlSocket)).toBe(true);
    await using gateway = await server.start();
    await gateway.open(server.door);
    expect(await knock(server.door.socketPath)).toBe(403);
    await gateway.close(runId);
  }, 30_000);

  it("is left running while a door is open, and ended when none is", async () => {
    await using server = await openServer();
    const first = await server.start();
    const pid = await server.pid();
    await first.open(server.door);
    await Promise.all([first.leave(), first.leave()]);
    expect(await knock(server.door.socketPath)).toBe(403);
    const second = await server.start();
    expect(await server.pid()).toBe(pid);
    // Without having opened it itself.
    await second.close(runId);
    await expect(knock(server.door.socketPath)).rejects.toThrow();
    await second.leave();
    expect(await pidsOf(server.controlSocket)).toEqual([]);
    expect(await recordsOf(server.door)).toHaveLength(1);
  });

  it("leaves a door to the server that took its run over, also when its own gateway is started again", async () => {
    await using first = await start();
    const { gateway, door, said, pid } = first;
    await gateway.open(door);
    const seen: number[] = [];
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, new AbortController().signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });

    await using server = await openServer();
    await using second = await server.start();
    await second.open({ ...door, fence: 2, auditAfter: 1 });
    await following;
    expect(said).toContainEqual(expect.stringMatching(/is not opened any more: .*fencing number 2/));
    process.kill(await pid(), "SIGKILL");
    await waitFor(() => said.some((text) => text.includes("is started again in")), { what: "the first's end" });
    await expect(gateway.open(door)).rejects.toMatchObject({ code: "forbidden" });
    // Its run ends there: what it does to its own gateway then is nothing to the second.
    await gateway.close(runId);
    await gateway.keepOnly([]);
    expect(await knock(door.socketPath)).toBe(403);
    const left = await pid();
    await gateway.leave();
    expect(await isGateway(left, first.controlSocket)).toBe(false);
    expect(await knock(door.socketPath)).toBe(403);
    await second.close(runId);
    expect((await recordsOf(door)).map(({ n }) => n)).toEqual([1, 2, 3]);
  });

  it("opens a door again by itself when its gateway had to close it", async () => {
    await using started = await start();
    const { gateway, door, folder } = started;
    await mkdir(folder.join("audits"));
    const recorded = { ...door, auditPath: folder.join("audits", "audit.ndjson") };
    await gateway.open(recorded);
    const seen: number[] = [];
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, new AbortController().signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });
    // Without the folder it cannot be opened again at once.
    await rm(folder.join("audits"), { recursive: true });
    await waitFor(async () => (await readFile(folder.join("gateway.log"), "utf8")).includes("could not be opened again"), {
      what: "the gateway to give it up",
    });
    await mkdir(folder.join("audits"));
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the door to be open again" });
    await waitFor(() => seen.length === 2, { what: "the record after that" });
    await gateway.close(runId);
    await following;
    expect(seen).toEqual([1, 2]);
    expect((await recordsOf(recorded)).map(({ n }) => n)).toEqual([2]);
  });

  it("follows the records of a door that moves", async () => {
    await using started = await start();
    const { gateway, door, another } = started;
    await gateway.open(door);
    const seen: number[] = [];
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, new AbortController().signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    const moved = { ...another("run_elsewhere00"), runId, fence: 2 };
    await gateway.open(moved);
    expect(await knock(moved.socketPath)).toBe(403);
    await waitFor(() => seen.length === 2, { what: "the records of both" });
    await gateway.close(runId);
    await following;
    expect(seen).toEqual([1, 2]);
  });

  it("says that the gateway is not there when it stays away, and at once when the door is closed or the server leaves", async () => {
    await using started = await start();
    const { gateway, door, another, controlSocket, pid } = started;
    const first = await pid();
    await rm(controlSocket);
    await mkdir(controlSocket);
    process.kill(first, "SIGKILL");
    await waitFor(async () => (await pidsOf(controlSocket)).every((each) => each !== first), { what: "the gateway's end" });
    const away = expect(gateway.open(door)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^The gateway, which is the way out of every sandbox, cannot be used now/),
    });
    const closed = gateway.open(another("run_closed00000"));
    const closing = gateway.close(RunId.parse("run_closed00000"));
    await expect(closed).rejects.toMatchObject({ code: "unavailable" });
    await away;
    await expect(closing).rejects.toMatchObject({ code: "unavailable" });
    const left = gateway.open(door);
    const startedAt = performance.now();
    await Promise.all([gateway.leave(), expect(left).rejects.toMatchObject({ code: "unavailable" })]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await rmdir(controlSocket);
  });

  it("closes the doors of runs that nobody knows any more", async () => {
    await using server = await openServer();
    const first = await server.start();
    const forgotten = server.another("run_forgotten0");
    for (const each of [server.door, forgotten]) await first.open(each);
    await first.leave();
    await using gateway = await server.start();
    await gateway.keepOnly([runId]);
    expect(await knock(server.door.socketPath)).toBe(403);
    await expect(knock(forgotten.socketPath)).rejects.toThrow();
    await gateway.keepOnly([]);
    await expect(knock(server.door.socketPath)).rejects.toThrow();
  });

  it("completes the audit of a door that is closed while its gateway is dead", async () => {
    await using model = await startTalkativeModel();
    await using server = await openServer();
    await using gateway = await server.start({ ANTHROPIC_BASE_URL: model.url });
    await gateway.open(server.door);
    const answer = await readThrough(server.door.socketPath);
    process.kill(await server.pid(), "SIGKILL");
    await answer.ended;
    await gateway.close(runId);
    expect(await recordsOf(server.door)).toMatchObject(
      [{ n: 1, kind: "model", path: "/v1/messages", decision: "allowed", status: null, rule: /the gateway ended before/ }].map(
        (record) => ({ ...record, rule: expect.stringMatching(record.rule) }),
      ),
    );
  });

  it("lives for as long as a server is there, and ends by itself when none comes back", async () => {
    await using server = await openServer();
    const owner = await server.startApart({ GATEWAY_ALONE_SECONDS: "1.5" });
    const pid = await server.pid();
    // Longer than it would stand alone: what keeps it is that its server is there.
    await waitFor(async () => (await ageMs(pid)) > 4000, { what: "time to pass" });
    expect(await knock(server.door.socketPath)).toBe(403);
    owner.kill("SIGKILL");
    await waitFor(async () => (await pidsOf(server.controlSocket)).length === 0, { what: "the gateway's end" });
    expect(await readFile(server.folder.join("gateway.log"), "utf8")).toMatch(/stopping: nobody asked for anything in \d s/);
  });

  it("ends by itself when its socket was taken away", async () => {
    await using server = await openServer();
    const owner = await server.startApart({ GATEWAY_ALONE_SECONDS: "20" });
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await rm(server.controlSocket);
    await waitFor(async () => (await pidsOf(server.controlSocket)).length === 0, { what: "the gateway's end" });
  });

  it("ends no process that is no gateway of this socket, whatever its number was", async () => {
    await using folder = await temporaryFolder();
    const controlSocket = folder.join("control.sock");
    const env = { ...process.env, GATEWAY_CONTROL: controlSocket };
    const pretender = ["--fork", "--kill-child", "--pid", "sleep", "600"];
    // As a sandbox could, to have somebody wait for its end.
    const strangers = [spawn("sleep", ["600"]), ...(process.getuid?.() === 0 ? [spawn("unshare", pretender, { env })] : [])];
    const inside = () => childrenOf(strangers[1]?.pid ?? 0);
    try {
      if (strangers[1] !== undefined) await waitFor(async () => (await inside()).length > 0, { what: "the pretender" });
      for (const pid of [strangers[0]?.pid ?? 0, ...(await inside())]) {
        expect(await isGateway(pid, controlSocket)).toBe(false);
        await endGateway(pid, controlSocket);
        expect(process.kill(pid, 0)).toBe(true);
      }
    } finally {
      for (const stranger of strangers) {
        stranger.kill("SIGKILL");
        await once(stranger, "exit");
      }
    }
  });
});

const killGroup = (leader: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-leader, signal);
  } catch {
    // An earlier signal has ended it.
  }
};

const childrenOf = async (pid: number): Promise<number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);
};

/** How long ago a process began. */
const ageMs = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const uptime = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]);
  return uptime * 1000 - startTicks * 10;
};
