import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, rmdir } from "node:fs/promises";
import { type Door, RunId } from "@ccr/protocol";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { Agent, fetch } from "undici";
import { describe, expect, it } from "vitest";
import { startGateway } from "./process.ts";

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

const start = async () => {
  const folder = await temporaryFolder();
  const said: string[] = [];
  const options = { controlSocket: folder.join("control.sock"), environment, log: (_: string, text: string) => said.push(text) };
  const gateway = await startGateway(options);
  await mkdir(folder.join("doors"));
  const door = {
    runId,
    socketPath: folder.join("doors", "door.sock"),
    auditPath: folder.join("audit.ndjson"),
    policy: { allow: [] },
  };
  const parts = new AsyncDisposableStack();
  parts.use(folder);
  parts.use(gateway);
  return { gateway, door, said, folder, [Symbol.asyncDispose]: () => parts.disposeAsync() };
};

const pidOf = async (controlSocket: string): Promise<number> => {
  const search = spawn("pgrep", ["-f", "gateway/src/main.ts"], { stdio: ["ignore", "pipe", "ignore"] });
  let printed = "";
  search.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  await once(search, "close");
  for (const pid of printed.trim().split("\n").map(Number)) {
    const env = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (env.includes(`GATEWAY_CONTROL=${controlSocket}`)) return pid;
  }
  throw new Error("the gateway's process is not there");
};

describe("startGateway", () => {
  it("starts a gateway that was killed again, with the same doors, and goes on with their audits", async () => {
    await using started = await start();
    const { gateway, door, folder } = started;
    await gateway.open(door);
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, stop.signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });
    process.kill(await pidOf(folder.join("control.sock")), "SIGKILL");
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the door to be open again" });
    await waitFor(() => seen.length >= 2, { what: "the record after the restart" });
    expect(seen).toEqual(seen.map((_, index) => index + 1));
    await gateway.close(runId);
    await following;
    stop.abort();
  });

  it("opens every other door again when one cannot be opened, and that one once it can", async () => {
    await using started = await start();
    const { gateway, door, folder, said } = started;
    const another = (id: string, name: string): Door => ({
      ...door,
      runId: RunId.parse(id),
      socketPath: folder.join("doors", `${name}.sock`),
      auditPath: folder.join(`${name}.ndjson`),
    });
    const blocked = another("run_blocked000", "blocked");
    const given = another("run_givenup000", "given");
    for (const each of [blocked, given, door]) await gateway.open(each);
    // As an agent can, whose folder this is.
    for (const { socketPath } of [blocked, given]) {
      await rm(socketPath);
      await mkdir(socketPath);
    }
    process.kill(await pidOf(folder.join("control.sock")), "SIGKILL");
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
    const { gateway, door, folder, said } = started;
    await gateway.open(door);
    const seen: number[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const { n } of gateway.followAudit(runId, { after: 0 }, stop.signal)) seen.push(n);
    })();
    expect(await knock(door.socketPath)).toBe(403);
    await waitFor(() => seen.length === 1, { what: "the first record" });
    const controlSocket = folder.join("control.sock");
    const pid = await pidOf(controlSocket);
    // The next ones cannot listen here.
    await rm(controlSocket);
    await mkdir(controlSocket);
    process.kill(pid, "SIGKILL");
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

  it("says what the gateway said when it does not come up", async () => {
    await using folder = await temporaryFolder();
    const options = { controlSocket: folder.join("c.sock"), environment: { PATH: "" }, log: () => {} };
    await expect(startGateway(options)).rejects.toThrow("No credential for the model");
  });

  it("ends with its owner, however that ended", async () => {
    await using folder = await temporaryFolder();
    const controlSocket = folder.join("control.sock");
    const script = `
      import { startGateway } from ${JSON.stringify(new URL("./process.ts", import.meta.url).href)};
      await startGateway({ controlSocket: ${JSON.stringify(controlSocket)}, environment: ${JSON.stringify(environment)}, log: () => {} });
      console.log("up");
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(owner.stdout, "data");
    const pid = await pidOf(controlSocket);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await waitFor(() => !isAlive(pid), { what: "the gateway's end" });
  });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
