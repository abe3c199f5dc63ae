import { mkdir, readFile, rm, rmdir } from "node:fs/promises";
import { RunId } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { isGateway } from "./processes.ts";
import { knock, openServer, pidsOf, readThrough, recordsOf, runId, start, startTalkativeModel } from "./testing/server.ts";

describe("the doors of a gateway", () => {
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
    expect(await gateway.list()).toEqual([]);
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

  it("has a door at all its sockets again when its gateway was killed, as it was asked for last", async () => {
    await using started = await start();
    const { gateway, door, pid, said, placeIn } = started;
    const [beside, gone] = [await placeIn("beside"), await placeIn("gone")];
    await gateway.open({ ...door, alsoAt: [gone] });
    await gateway.open({ ...door, alsoAt: [beside] });
    for (const path of [door.socketPath, beside]) expect(await knock(path)).toBe(403);
    await expect(knock(gone)).rejects.toThrow();
    await waitFor(async () => (await recordsOf(door)).length === 2, { what: "the records of both" });
    process.kill(await pid(), "SIGKILL");
    await waitFor(() => said.some((text) => text.includes("is started again in")), { what: "the gateway's end" });
    for (const path of [door.socketPath, beside])
      await waitFor(async () => (await knock(path)) === 403, { what: "the door to be open again" });
    await expect(knock(gone)).rejects.toThrow();
    await gateway.close(runId);
    for (const path of [door.socketPath, beside]) await expect(knock(path)).rejects.toThrow();
    const records = await recordsOf(door);
    expect(records.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
  });

  it("adopts a door with all its sockets, and changes their set without a cut of what stays", async () => {
    await using model = await startTalkativeModel();
    await using server = await openServer();
    const settings = { ANTHROPIC_BASE_URL: model.url };
    const beside = await server.placeIn("beside");
    const door = { ...server.door, alsoAt: [beside] };
    const first = await server.start(settings);
    await first.open(door);
    const answers = [await readThrough(door.socketPath), await readThrough(beside)];
    await first.leave();
    await using gateway = await server.start(settings);
    expect(server.said).toContainEqual(expect.stringContaining("goes on, with 1 open doors"));
    await gateway.open(door);
    for (const each of model.answers) each.write("between ");
    for (const { text } of answers) await waitFor(() => text().includes("between"), { what: "what flows" });
    await gateway.open({ ...door, alsoAt: [] });
    await answers[1]?.ended;
    model.answers[0]?.end("after");
    await answers[0]?.ended;
    expect(answers[0]?.text()).toContain("after");
    await expect(knock(beside)).rejects.toThrow();
    await gateway.close(runId);
    const records = await recordsOf(door);
    expect(records.map(({ n, status, rule }) => [n, status, rule])).toEqual([
      [1, 200, expect.stringContaining("cut off")],
      [2, 200, "the model route"],
    ]);
  });

  it("replaces a gateway of another configuration with all the sockets of its doors", async () => {
    await using server = await openServer();
    const beside = await server.placeIn("beside");
    const first = await server.start();
    await first.open({ ...server.door, alsoAt: [beside] });
    const before = await server.pid();
    await first.leave();
    await using gateway = await server.start({ ANTHROPIC_API_KEY: "sk-another" });
    expect(await server.pid()).not.toBe(before);
    // Nobody has asked for the door yet.
    for (const path of [server.door.socketPath, beside])
      await waitFor(async () => (await knock(path)) === 403, { what: "the door to be open again" });
    await gateway.close(runId);
    for (const path of [server.door.socketPath, beside]) await expect(knock(path)).rejects.toThrow();
  });

  it("opens a further socket by itself once it can, unless the door is asked for without it", async () => {
    await using started = await start();
    const { gateway, door, placeIn } = started;
    const beside = await placeIn("beside");
    const blocked = { ...door, alsoAt: [beside] };
    await gateway.open(door);
    // As a file there that is no socket: the answer comes at once.
    await mkdir(beside);
    await expect(gateway.open(blocked)).rejects.toMatchObject({ code: "conflict" });
    expect(await knock(door.socketPath)).toBe(403);
    await rmdir(beside);
    await waitFor(async () => (await knock(beside)) === 403, { what: "the socket whose place is free" });

    await gateway.open(door);
    await mkdir(beside);
    await expect(gateway.open(blocked)).rejects.toMatchObject({ code: "conflict" });
    await gateway.open(door);
    await rmdir(beside);
    // It was looked after by whoever would still try.
    await rm(door.socketPath);
    await waitFor(async () => (await knock(door.socketPath)) === 403, { what: "the socket to be back" });
    await expect(knock(beside)).rejects.toThrow();
  });

  it("has a door as it was asked for last, also when an earlier call waits still", async () => {
    await using started = await start();
    const { gateway, door, folder, placeIn } = started;
    const missing = folder.join("missing", "door.sock");
    await gateway.open(door);
    const early = gateway.open({ ...door, alsoAt: [missing] });
    await gateway.open(door);
    expect(await placeIn("missing")).toBe(missing);
    await early;
    await expect(knock(missing)).rejects.toThrow();
    expect(await knock(door.socketPath)).toBe(403);
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

  it("tells of the doors that an earlier start opened, and closes them", async () => {
    await using server = await openServer();
    const first = await server.start();
    const forgotten = server.another("run_forgotten0");
    for (const each of [server.door, forgotten]) await first.open(each);
    await first.leave();
    await using gateway = await server.start();
    expect((await gateway.list()).toSorted()).toEqual([runId, forgotten.runId].toSorted());
    await gateway.close(forgotten.runId);
    expect(await gateway.list()).toEqual([runId]);
    expect(await knock(server.door.socketPath)).toBe(403);
    await expect(knock(forgotten.socketPath)).rejects.toThrow();
    await gateway.close(runId);
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
});
