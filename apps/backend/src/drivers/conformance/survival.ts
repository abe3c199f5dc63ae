import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { SandboxHandle } from "@ccr/protocol";
import { pinnedNode, waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { type DriverUnderTest, never, openPlace, openSandbox, type Place, talkTo, waitUntilHealthy } from "./sandbox.ts";

const SpoolLine = z.looseObject({ seq: z.number() });
type SpoolLine = z.infer<typeof SpoolLine>;

/** Events as they come from `POST /execute` or `GET /execute`, at most `count` of them. */
const eventsOf = async (
  handle: SandboxHandle,
  { method, path, body, count = 1_000_000 }: { method: string; path: string; body?: unknown; count?: number },
): Promise<SpoolLine[]> => {
  const { endpoint } = handle;
  if (!("socketPath" in endpoint)) throw new Error("the handle has no socket");
  const asked = request({ socketPath: endpoint.socketPath, method, path, headers: { "content-type": "application/json" } });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  asked.on("error", () => {}); // a stream that is left early is cut
  const [response] = await once(asked, "response");
  response.on("error", () => {});
  const events: SpoolLine[] = [];
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) events.push(SpoolLine.parse(JSON.parse(line)));
    if (events.length >= count) break;
  }
  return events;
};

/** Kills the sandbox's main process and waits until the driver sees it. */
const killMain = async (sandbox: Pick<Awaited<ReturnType<typeof openSandbox>>, "check" | "driver" | "handle">): Promise<void> => {
  await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
  await waitFor(async () => (await sandbox.driver.inspect(sandbox.handle)).status === "exited", {
    what: "the sandbox to have ended",
  });
};

/** A socket file that nobody listens on, as those leave behind who are killed. */
const leaveSocket = async (path: string): Promise<void> => {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(pinnedNode, ["-e", script], { stdio: "ignore" }), "exit");
};

/** Starts a process of a group of its own that makes a sandbox and then only lives. */
const startMaker = async (under: DriverUnderTest, place: Place) => {
  const program = new URL("./maker.ts", import.meta.url).pathname;
  const maker = spawn(pinnedNode, [program, JSON.stringify(under.elsewhere), JSON.stringify(place.spec())], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const [line] = await once(createInterface({ input: maker.stdout }), "line");
  return { maker, handle: SandboxHandle.parse(JSON.parse(String(line))) };
};

/** What a sandbox and those who know its handle live through. */
export const survivalTests = (opened: () => DriverUnderTest): void => {
  it("outlives the server that made it, whatever ended that, and goes on with what it did", async () => {
    const under = opened();
    await using place = await openPlace(under.image);
    await using cleanUp = new AsyncDisposableStack();
    const { maker, handle } = await startMaker(under, place);
    const driver = under.open();
    cleanUp.defer(() => driver.destroy(handle));
    const sandbox = talkTo({ driver, handle, place });
    await waitUntilHealthy(sandbox);
    const { startedAt } = await sandbox.health();
    // Ends with the sandbox, and the answer with it.
    const working = sandbox.check("while sleep 0.05; do echo >> /workspace/beats; done").catch(() => null);
    const traces = await under.traces(handle.instanceId);
    const ended = once(maker, "exit");
    // What a terminal does at Ctrl-C and when it is closed; then what nobody can prepare for.
    for (const signal of ["SIGINT", "SIGHUP", "SIGKILL"] as const) {
      expect(maker.exitCode ?? maker.signalCode).toBeNull();
      process.kill(-(maker.pid ?? 0), signal);
    }
    await ended;
    const beats = async () => (await readFile(`${place.path("workspace")}/beats`, "utf8").catch(() => "")).length;
    const before = await beats();
    await waitFor(async () => (await beats()) > before + 3, { what: "the command to go on" });
    expect((await sandbox.health()).startedAt).toBe(startedAt);
    expect(await driver.inspect(handle)).toMatchObject({ status: "running" });
    expect(await driver.list()).toContainEqual(handle);
    expect(await under.traces(handle.instanceId)).toEqual(traces);
    // What it prints still has a place to go to.
    await killMain(sandbox);
    await working;
    expect(await driver.logs(handle, never())).toContain("listening");
    await driver.destroy(handle);
    expect(await under.traces(handle.instanceId)).toEqual([]);
  });

  it("is looked at and destroyed by another server of this machine that has nothing but the handle", async () => {
    const under = opened();
    await using sandbox = await openSandbox(under);
    const { handle } = sandbox;
    const stored = SandboxHandle.parse(JSON.parse(JSON.stringify(handle)));
    const another = under.openAsAnother();
    expect(await another.list()).toEqual([]);
    expect(await another.inspect(stored)).toMatchObject({ status: "running", diskBytes: expect.any(Number) });
    expect(await another.logs(stored, never())).toContain("listening");
    await killMain(sandbox);
    expect(await another.inspect(stored)).toMatchObject({ status: "exited", exitCode: 137 });
    await another.destroy(stored);
    expect(await another.inspect(stored)).toEqual({ status: "gone" });
    expect(await sandbox.driver.inspect(handle)).toEqual({ status: "gone" });
    expect(await under.traces(handle.instanceId)).toEqual([]);
    expect(await sandbox.driver.list()).not.toContainEqual(handle);
  });

  it("is made anew over the same mounts after it was destroyed or killed, and its executor goes on with the spool", async () => {
    const under = opened();
    await using place = await openPlace(under.image);
    const driver = under.open();
    await using cleanUp = new AsyncDisposableStack();
    const handle = await driver.create(place.spec(), never());
    cleanUp.defer(() => driver.destroy(handle));
    const sandbox = talkTo({ driver, handle, place });
    await waitUntilHealthy(sandbox);
    await sandbox.output("echo kept > /workspace/file; echo mine > ~/file");
    const body = { prompt: "anything", executionId: "first" };
    const events = await eventsOf(handle, { method: "POST", path: "/execute", body, count: 1 });
    expect(events[0]?.seq).toBe(1);
    for (const how of ["destroyed alive", "killed", "killed, with sockets left"] as const) {
      const { startedAt } = await sandbox.health();
      if (how !== "destroyed alive") await killMain(sandbox);
      await driver.destroy(handle);
      if (how === "killed, with sockets left")
        for (const name of ["executor.sock", "gateway.sock"]) {
          await leaveSocket(`${place.path("doors")}/${name}`).catch(() => {});
        }
      expect(await driver.create(place.spec(), never())).toEqual(handle);
      await waitUntilHealthy(sandbox);
      expect((await sandbox.health()).startedAt, how).not.toBe(startedAt);
      expect(await sandbox.output("cat /workspace/file ~/file")).toBe("kept\nmine\n");
      const now = await eventsOf(handle, { method: "GET", path: "/execute?after=0" });
      expect(now.map(({ seq }) => seq)).toEqual(now.map((_, index) => index + 1));
      expect(now[0]).toEqual(events[0]);
      expect((await sandbox.health()).lastSeq).toBe(now.length);
    }
  });
};
