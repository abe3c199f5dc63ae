import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, rmdir } from "node:fs/promises";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { endGateway, isGateway } from "./processes.ts";
import {
  ageMs,
  childrenOf,
  killGroup,
  knock,
  openServer,
  pidsOf,
  readThrough,
  recordsOf,
  runId,
  start,
  startTalkativeModel,
} from "./testing/server.ts";

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
  });

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
