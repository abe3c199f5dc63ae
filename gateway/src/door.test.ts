import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import { text } from "node:stream/consumers";
import { AuditRecord, type Door } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import {
  connectTo,
  listening,
  modelRequest,
  OTHER_RUN,
  openHouse,
  RUN,
  sendRaw,
  startOrigin,
  startRawOrigin,
} from "./testing/house.ts";

const refusedRequest = "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n";
const NAMES = { "allowed.test": ["127.0.0.1"] };

/** A second door of the same gateway, in a folder of its own. */
const openOther = async (house: Awaited<ReturnType<typeof openHouse>>, changes: Partial<Door> = {}): Promise<Door> => {
  await mkdir(house.folder.join("other"), { recursive: true });
  const door: Door = {
    runId: OTHER_RUN,
    socketPath: house.folder.join("other", "gateway.sock"),
    alsoAt: [],
    auditPath: house.folder.join("other.ndjson"),
    policy: { allow: [] },
    fence: 1,
    auditAfter: 0,
    ...changes,
  };
  await house.gateway.openDoor(door);
  return door;
};

describe("a door", () => {
  test("can be used by every user who reaches its folder, from the first moment on", async () => {
    await using house = await openHouse();
    expect((await stat(house.door.socketPath)).mode & 0o777).toBe(0o666);
  });

  test("replaces a socket that was left over, but no other file", async () => {
    await using house = await openHouse();
    await house.gateway.closeDoor(RUN);
    await writeFile(house.door.socketPath, "precious");
    await expect(house.gateway.openDoor(house.door)).rejects.toMatchObject({ code: "conflict" });
    expect(house.gateway.health().doors).toEqual([]);
  });

  test("leads to the model only as far as its policy lets it", async () => {
    await using house = await openHouse();
    await house.gateway.openDoor({ ...house.door, policy: { allow: [], model: false } });
    expect(await house.send(modelRequest("{}"))).toMatch(/^HTTP\/1\.1 403 /);
    expect(await house.records(1)).toMatchObject([
      { kind: "model", decision: "refused", rule: "the policy of this door has no way to the model" },
    ]);
  });

  test("belongs to one run: its requests are recorded for that run, and its policy holds for it alone", async () => {
    await using origin = await startOrigin((_request, response) => response.end("fine"));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const other = await openOther(house);
    const request = `GET http://allowed.test:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    expect(await house.send(request)).toContain("fine");
    expect(await sendRaw(other.socketPath, request)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await house.records(1)).toMatchObject([{ n: 1, runId: RUN, decision: "allowed" }]);
  });

  test("is opened twice without harm, and not with another run's paths", async () => {
    await using house = await openHouse();
    await Promise.all([house.gateway.openDoor(house.door), house.gateway.openDoor(house.door)]);
    expect(house.gateway.health().doors).toEqual([RUN]);
    await expect(openOther(house, { auditPath: house.door.auditPath })).rejects.toMatchObject({ code: "conflict" });
    await expect(openOther(house, { socketPath: house.door.socketPath })).rejects.toMatchObject({ code: "conflict" });
    await house.gateway.closeDoor(RUN);
    await house.gateway.closeDoor(RUN);
    expect(house.gateway.health().doors).toEqual([]);
  });

  test("moves when it is opened with other paths, and goes on counting", async () => {
    await using house = await openHouse();
    await house.send(refusedRequest);
    const first = house.records(2);
    await mkdir(house.folder.join("elsewhere"));
    const moved = { ...house.door, socketPath: house.folder.join("elsewhere", "gateway.sock") };
    await house.gateway.openDoor(moved);
    // Of the one that was closed; it ends, and whoever goes on finds the next.
    expect((await first).map(({ n }) => n)).toEqual([1]);
    expect(await sendRaw(moved.socketPath, refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    await expect(house.send(refusedRequest)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await house.records(2)).map(({ n }) => n)).toEqual([1, 2]);

    const recorded = { ...moved, auditPath: house.folder.join("elsewhere.ndjson") };
    await house.gateway.openDoor(recorded);
    expect(await sendRaw(moved.socketPath, refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    expect((await house.records(1)).map(({ n }) => n)).toEqual([3]);
    expect(house.gateway.listDoors()).toEqual([{ ...recorded, auditAfter: 3 }]);
  });

  test("is refused to whoever has a smaller fencing number", async () => {
    await using house = await openHouse();
    await house.gateway.openDoor({ ...house.door, fence: 3 });
    const late = { ...house.door, fence: 2, policy: { allow: [{ host: "evil.test", ports: [80] }] } };
    await expect(house.gateway.openDoor(late)).rejects.toMatchObject({ code: "forbidden" });
    await expect(house.gateway.openDoor({ ...late, auditPath: house.folder.join("x") })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(house.gateway.closeDoor(RUN, { fence: 2 })).rejects.toMatchObject({ code: "forbidden" });
    expect(await house.send(refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    expect(house.gateway.listDoors()).toMatchObject([{ fence: 3, policy: { allow: [] } }]);
  });

  test.each([
    ["removes its socket", async (path: string) => rm(path)],
    [
      "puts another one there",
      async (path: string) => {
        const server = await listening(
          net.createServer((socket) => socket.resume().end("from inside")),
          path.replace("gateway", "own"),
        );
        await rename(path.replace("gateway", "own"), path);
        return server;
      },
    ],
    [
      "puts a folder there for a while",
      async (path: string) => {
        await rm(path);
        await mkdir(path);
        setTimeout(() => void rmdir(path), 1500);
      },
    ],
  ])("listens again by itself when an agent %s, and cuts nothing", async (_what, act) => {
    await using origin = await startRawOrigin((socket) => socket.pipe(socket));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const tunnel = connectTo(house.door.socketPath);
    tunnel.write(`CONNECT allowed.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await once(tunnel, "data"))[0].toString()).toContain("200");
    const other = await act(house.door.socketPath);
    await waitFor(async () => (await house.send(refusedRequest)).startsWith("HTTP/1.1 403"), {
      what: "the door to be open again",
    });
    tunnel.write("still there");
    expect((await once(tunnel, "data"))[0].toString()).toBe("still there");
    tunnel.destroy();
    await house.gateway.closeDoor(RUN);
    await expect(house.send(refusedRequest)).rejects.toMatchObject({ code: "ENOENT" });
    if (other instanceof net.Server) await new Promise((resolve) => other.close(resolve));
  });

  test("is there at once for whoever opens it again, however its socket was taken away", async () => {
    await using house = await openHouse();
    await rm(house.door.socketPath);
    await house.gateway.openDoor(house.door);
    expect(await house.send(refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    expect((await house.records(1)).map(({ n }) => n)).toEqual([1]);
    // What an agent puts there is its own trouble, and none of whoever opens the door.
    await rm(house.door.socketPath);
    await mkdir(house.door.socketPath);
    await house.gateway.openDoor(house.door);
    expect(house.gateway.health().doors).toEqual([RUN]);
  });

  test("does not let more connections in because its socket was taken away", async () => {
    await using house = await openHouse({ limits: { connections: 3, requestHeadersMs: 60_000 } });
    const request = `GET http://slow.test/ HTTP/1.1\r\nHost: x\r\n`;
    const idle = [0, 1].map(() => connectTo(house.door.socketPath));
    for (const socket of idle) socket.on("error", () => {}).write(request);
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    await rm(house.door.socketPath);
    await house.gateway.openDoor(house.door);
    // Those that asked for nothing yet are cut: nobody looks after how long they take any more.
    await Promise.all(idle.map((socket) => once(socket, "close")));
    expect(await house.send(refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("opens again by itself when a person removes what belongs to its audit", async () => {
    const notes: string[] = [];
    await using house = await openHouse({ note: (text) => notes.push(text) });
    for (const names of [/^audit\.ndjson$/, /owner/, /begun/, /^audit/]) {
      await house.send(refusedRequest);
      const { auditAfter: before = 0 } = house.gateway.listDoors()[0] ?? {};
      for (const name of await readdir(house.folder.path)) if (names.test(name)) await rm(house.folder.join(name));
      await waitFor(
        async () => {
          await house.send(refusedRequest);
          const text = await readFile(house.door.auditPath, "utf8");
          return AuditRecord.parse(JSON.parse(text.trimEnd().split("\n").at(-1) ?? "")).n > before;
        },
        { what: "a record after that" },
      );
    }
    expect(notes.filter((text) => text.includes("were removed"))).toHaveLength(3);
    await house.gateway.closeDoor(RUN);
    expect((await readdir(house.folder.path)).toSorted()).toEqual(["audit.ndjson", "doors"]);
  });

  test("keeps its audit file out of the sandbox's reach", async () => {
    await using house = await openHouse();
    const auditPath = house.folder.join("other", "audit.ndjson");
    await expect(openOther(house, { auditPath })).rejects.toThrow(/outside/);
    await expect(openOther(house, { auditPath: "audit.ndjson" })).rejects.toThrow(/absolute/);
    await expect(openOther(house, { socketPath: house.folder.join("missing", "gateway.sock") })).rejects.toThrow(
      /folder must exist/,
    );
  });

  test("cuts a model's answer when it is closed, and is gone for good", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: x\n\n");
    });
    await using house = await openHouse({ upstream: origin.url });
    const records = house.records(1);
    const client = connectTo(house.door.socketPath);
    client.on("error", () => {});
    client.write(modelRequest("{}"));
    await once(client, "data");
    const closed = once(client, "close");
    await house.gateway.closeDoor(RUN);
    await closed;
    await waitFor(() => origin.requests[0]?.socket.destroyed, { what: "the upstream's connection to be closed" });
    expect(await records).toMatchObject([{ decision: "allowed", status: 200, rule: expect.stringContaining("cut off") }]);
    const late = connectTo(house.door.socketPath);
    expect((await once(late, "error"))[0]).toMatchObject({ code: "ENOENT" });
  });

  test("closes at once, whatever is under way: a lookup that hangs, a refusal that lingers, a client that is silent", async () => {
    const asked = Promise.withResolvers<void>();
    await using house = await openHouse({
      allow: [{ host: "slow.test", ports: [80] }],
      resolve: () => {
        asked.resolve();
        return new Promise(() => {});
      },
      limits: { resolveMs: 600_000 },
    });
    const clients = [
      "nonsense\r\n\r\n",
      "CONNECT evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET http://slow.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET",
      "",
    ].map((bytes) => {
      // Such a client keeps its end open after it was told to go.
      const client = net.connect({ path: house.door.socketPath, allowHalfOpen: true });
      client.on("error", () => {});
      client.write(bytes);
      return client;
    });
    await Promise.all([asked.promise, ...clients.slice(0, 2).map((client) => once(client, "data"))]);
    const startedAt = performance.now();
    await house.gateway.closeDoor(RUN);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    for (const client of clients) client.destroy();
  });

  test("answers 503 above its number of requests under way, and serves again when one is over", async () => {
    await using origin = await startRawOrigin((socket) => socket.resume());
    await using house = await openHouse({
      names: NAMES,
      allow: [{ host: "allowed.test", ports: [origin.port] }],
      limits: { exchanges: 3 },
    });
    const connectRequest = `CONNECT allowed.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const clients = [0, 1, 2].map(() => connectTo(house.door.socketPath));
    for (const client of clients) {
      client.write(connectRequest);
      expect((await once(client, "data"))[0].toString()).toContain("200");
    }
    expect(await house.send(connectRequest)).toMatch(/^HTTP\/1\.1 503 [\s\S]*3 requests under way/);
    expect(await house.send(modelRequest("{}"))).toMatch(/^HTTP\/1\.1 503 [\s\S]*"type":"error"/);
    expect(await house.records(2)).toMatchObject([
      { kind: "connect", decision: "refused", status: 503 },
      { kind: "model", decision: "refused", status: 503, path: "/v1/messages" },
    ]);
    clients[0]?.destroy();
    await house.records(3);
    const again = connectTo(house.door.socketPath);
    again.write(connectRequest);
    expect((await once(again, "data"))[0].toString()).toContain("200");
    for (const client of [...clients, again]) client.destroy();
  });

  test("drops connections above its limit without harm to those that are served", async () => {
    await using house = await openHouse({ limits: { connections: 5 } });
    const idle = Array.from({ length: 5 }, () => connectTo(house.door.socketPath));
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    const dropped = connectTo(house.door.socketPath);
    dropped.on("error", () => {});
    await once(dropped.resume(), "close");
    idle[0]?.write(refusedRequest);
    expect(await text(idle[0] ?? dropped)).toMatch(/^HTTP\/1\.1 403 /);
    for (const socket of idle) socket.destroy();
  });

  test("cuts clients that send their headers too slowly, or nothing at all", async () => {
    await using house = await openHouse({ limits: { requestHeadersMs: 100 } });
    const silent = connectTo(house.door.socketPath);
    const slow = connectTo(house.door.socketPath);
    slow.write("POST /v1/messages HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    expect(await text(slow)).toMatch(/^HTTP\/1\.1 408 /);
    await text(silent);
    const records = await house.records(1);
    expect(records[0]).toMatchObject({ decision: "refused", status: 408, rule: "the request took too long to arrive" });
  });

  test("refuses headers above their size, with a record", async () => {
    await using house = await openHouse();
    const answer = await house.send(`GET http://evil.test/ HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(40_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(await house.records(1)).toMatchObject([{ decision: "refused", status: 431 }]);
  });

  test("records hostile names as printable text of bounded length", async () => {
    await using house = await openHouse();
    await house.send(`GET http://${"a".repeat(5000)}\u001b]0;x\u0007/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await house.send(`GET http://evil.test/${"p".repeat(5000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const records = await house.records(2);
    expect(records).toMatchObject([{ decision: "refused" }, { decision: "refused", path: `/${"p".repeat(2047)}` }]);
    expect(JSON.stringify(records)).not.toContain("\\u001b");
  });
});

describe("a flood of refused requests", () => {
  test("is answered 429, leaves a bounded number of records and one summary, and hurts no other run", async () => {
    let clock = Date.parse("2026-11-22T20:00:00.000Z");
    await using house = await openHouse({ limits: { refusalsPerMinute: 50 }, now: () => clock });
    const other = await openOther(house);
    const statuses = new Map<string, number>();
    const flood = Array.from({ length: 20 }, async () => {
      for (let index = 0; index < 100; index += 1) {
        const status = (await house.send(refusedRequest)).slice(9, 12);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    for (let index = 0; index < 20; index += 1)
      expect(await sendRaw(other.socketPath, refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    await Promise.all(flood);
    expect((statuses.get("403") ?? 0) + (statuses.get("429") ?? 0)).toBe(2000);
    // Those that were under way when the limit was reached still got their own answer.
    expect(statuses.get("403")).toBeLessThan(50 + 21);
    clock += 61_000;
    expect(await house.send(refusedRequest)).toMatch(/^HTTP\/1\.1 403 /);
    const records = house.records(52);
    await house.gateway.closeDoor(RUN);
    const found = await records;
    expect(found).toHaveLength(52);
    expect(found.map(({ n }) => n)).toEqual(Array.from({ length: 52 }, (_, index) => index + 1));
    expect(found.at(-1)).toMatchObject({
      method: "*",
      decision: "refused",
      status: 429,
      rule: expect.stringMatching(/^1950 more requests/),
    });
  });

  test("of allowed requests is bounded as well", async () => {
    await using origin = await startOrigin((request, response) => request.resume().on("end", () => response.end()));
    await using house = await openHouse({ upstream: origin.url, limits: { requestsPerMinute: 5 } });
    const statuses: string[] = [];
    for (let index = 0; index < 7; index += 1) statuses.push((await house.send(modelRequest("{}"))).slice(9, 12));
    expect(statuses).toEqual(["200", "200", "200", "200", "200", "429", "429"]);
    expect(origin.requests).toHaveLength(5);
  });
});
