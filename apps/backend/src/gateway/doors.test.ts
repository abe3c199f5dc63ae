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
