import { mkdir, stat } from "node:fs/promises";
import { type AuditRecord, type Door, RunId } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { gatewayClient } from "./client.ts";
import { serveControl } from "./control.ts";
import { openHouse, RUN, sendRaw } from "./testing/house.ts";

const UNKNOWN_RUN = RunId.parse("run_unknown00000");

/** A house with its control interface and a client of it. */
const openControlled = async () => {
  const house = await openHouse();
  const path = house.folder.join("control.sock");
  const control = await serveControl(house.gateway, path);
  const client = gatewayClient(path);
  return {
    house,
    client,
    control,
    path,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await control.close();
      await house[Symbol.asyncDispose]();
    },
  };
};

const refusedRequest = (name: string) => `GET http://${name}.test/ HTTP/1.1\r\nHost: x\r\n\r\n`;

const rawCall = (path: string, method: string, target: string, body = "") =>
  sendRaw(
    path,
    `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

describe("the control interface", () => {
  test("is for its owner alone", async () => {
    await using controlled = await openControlled();
    expect((await stat(controlled.path)).mode & 0o777).toBe(0o600);
  });

  test("opens, changes and closes doors, all of it twice without harm", async () => {
    await using controlled = await openControlled();
    const { client, house } = controlled;
    await mkdir(house.folder.join("second"));
    const door: Door = {
      runId: RunId.parse("run_second00000"),
      socketPath: house.folder.join("second", "gateway.sock"),
      alsoAt: [],
      auditPath: house.folder.join("second.ndjson"),
      policy: { allow: [] },
      fence: 1,
      auditAfter: 0,
    };
    await client.openDoor(door);
    await client.openDoor(door);
    expect(await sendRaw(door.socketPath, refusedRequest("allowed"))).toMatch(/^HTTP\/1\.1 403 /);
    await client.openDoor({ ...door, policy: { allow: [{ host: "allowed.test", ports: [80] }] } });
    expect(await sendRaw(door.socketPath, refusedRequest("allowed"))).toMatch(/^HTTP\/1\.1 502 [\s\S]*ENOTFOUND/);
    expect(await client.health()).toMatchObject({ status: "ok", doors: [RUN, door.runId] });
    await client.closeDoor(door.runId);
    await client.closeDoor(door.runId);
    expect((await client.health()).doors).toEqual([RUN]);
  });

  test("opens a door at further sockets, at none when nothing is said of them", async () => {
    await using controlled = await openControlled();
    const { client, house, path } = controlled;
    const { alsoAt: _, ...plain } = house.door;
    await mkdir(house.folder.join("beside"));
    const beside = house.folder.join("beside", "gateway.sock");
    await client.openDoor({ ...house.door, alsoAt: [beside] });
    expect(await sendRaw(beside, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
    expect(await client.listDoors()).toMatchObject([{ alsoAt: [beside] }]);
    expect(await rawCall(path, "PUT", `/doors/${RUN}`, JSON.stringify(plain))).toMatch(/^HTTP\/1\.1 204 /);
    expect(await client.listDoors()).toMatchObject([{ alsoAt: [] }]);
    await expect(client.openDoor({ ...house.door, alsoAt: ["gateway.sock"] })).rejects.toMatchObject({ code: "bad_request" });
    await expect(client.openDoor({ ...house.door, alsoAt: [`/${"x".repeat(107)}`] })).rejects.toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("alsoAt"),
    });
  });

  test("follows records, old and live, once and in order, until the door is closed", async () => {
    await using controlled = await openControlled();
    const { client, house } = controlled;
    for (const name of ["a", "b", "c"]) await house.send(refusedRequest(name));
    await house.records(3);
    const found: AuditRecord[] = [];
    const following = (async () => {
      for await (const record of client.followAudit(RUN, { after: 1 }, new AbortController().signal)) {
        found.push(record);
        if (record.n === 3) await house.send(refusedRequest("d"));
        if (record.n === 4) await client.closeDoor(RUN);
      }
    })();
    await following;
    expect(found.map(({ n, host }) => [n, host])).toEqual([
      [2, "b.test"],
      [3, "c.test"],
      [4, "d.test"],
    ]);
  });

  test("ends a follower quietly when its signal is aborted, and loudly when the gateway goes away", async () => {
    await using controlled = await openControlled();
    const { client, house, control } = controlled;
    await house.send(refusedRequest("a"));
    const stop = new AbortController();
    for await (const record of client.followAudit(RUN, { after: 0 }, stop.signal)) {
      expect(record.n).toBe(1);
      stop.abort();
    }
    const cut = async () => {
      for await (const _record of client.followAudit(RUN, { after: 0 }, new AbortController().signal)) await control.close();
    };
    await expect(cut()).rejects.toMatchObject({ code: "unavailable" });
    await expect(client.health()).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("does not answer"),
    });
  });

  test("says what is wrong with a call", async () => {
    await using controlled = await openControlled();
    const { client, house, path } = controlled;
    const following = client.followAudit(UNKNOWN_RUN, { after: 0 }, new AbortController().signal);
    await expect(following[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "not_found" });
    await expect(client.openDoor({ ...house.door, runId: UNKNOWN_RUN })).rejects.toMatchObject({ code: "conflict" });
    await expect(client.openDoor({ ...house.door, fence: 0 })).rejects.toMatchObject({ code: "forbidden" });
    await expect(client.closeDoor(RUN, { fence: 0 })).rejects.toMatchObject({ code: "forbidden" });
    expect(await rawCall(path, "DELETE", `/doors/${RUN}?fence=x`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*fence/);
    expect(await rawCall(path, "GET", "/nothing")).toMatch(/^HTTP\/1\.1 404 [\s\S]*"code":"not_found"/);
    expect(await rawCall(path, "POST", "/health")).toMatch(/^HTTP\/1\.1 404 /);
    expect(await rawCall(path, "PUT", `/doors/${RUN}`, "{")).toMatch(/^HTTP\/1\.1 400 [\s\S]*not JSON/);
    expect(await rawCall(path, "PUT", `/doors/${RUN}`, "{}")).toMatch(/^HTTP\/1\.1 400 [\s\S]*runId/);
    expect(await rawCall(path, "PUT", `/doors/${UNKNOWN_RUN}`, JSON.stringify(house.door))).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*differ/,
    );
    expect(
      await rawCall(path, "PUT", `/doors/${RUN}`, JSON.stringify({ ...house.door, policy: { allow: [{ host: "a b" }] } })),
    ).toMatch(/^HTTP\/1\.1 400 [\s\S]*is not a host name/);
    expect(await rawCall(path, "PUT", `/doors/${RUN}`, "x".repeat(3_000_000))).toMatch(/^HTTP\/1\.1 413 /);
    expect(await rawCall(path, "DELETE", "/doors/..%2f..")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await rawCall(path, "GET", `/doors/${RUN}/audit?after=-1`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*after/);
  });

  test("takes over a socket that nobody serves, and no other", async () => {
    await using controlled = await openControlled();
    await expect(serveControl(controlled.house.gateway, controlled.path)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("Another gateway already serves"),
    });
    expect((await controlled.client.health()).status).toBe("ok");
    await using folder = await temporaryFolder();
    await expect(serveControl(controlled.house.gateway, folder.join("missing", "control.sock"))).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});
