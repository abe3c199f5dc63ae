import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import net from "node:net";
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

type House = Awaited<ReturnType<typeof openHouse>>;

const NAMES = { "allowed.test": ["127.0.0.1"] };
const refusedRequest = (name: string) => `GET http://${name}.test/ HTTP/1.1\r\nHost: x\r\n\r\n`;

/** The place of a socket in a folder of its own, as a sandbox beside the first one has it. */
const placeIn = async ({ folder }: House, name: string): Promise<string> => {
  await mkdir(folder.join(name));
  return folder.join(name, "gateway.sock");
};

/** A house whose door is opened at a second socket, too; `door` is as it was opened last. */
const openWide = async (options: Parameters<typeof openHouse>[0] = {}) => {
  const house = await openHouse(options);
  const beside = await placeIn(house, "beside");
  const door: Door = { ...house.door, alsoAt: [beside] };
  await house.gateway.openDoor(door);
  return { house, beside, door, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
};

/** Bytes that go through a tunnel to an echo and back, until they are ended. */
const startFlow = async (socketPath: string, port: number) => {
  const socket = connectTo(socketPath);
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.write(`CONNECT allowed.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await once(socket, "data"))[0].toString()).toMatch(/^HTTP\/1\.1 200 /);
  const [sent, received] = [createHash("sha256"), createHash("sha256")];
  let [bytesSent, bytesReceived, isEnding] = [0, 0, false];
  socket.on("data", (chunk: Buffer) => {
    bytesReceived += chunk.length;
    received.update(chunk);
  });
  const write = (chunk: Buffer): boolean => {
    bytesSent += chunk.length;
    sent.update(chunk);
    return socket.write(chunk);
  };
  const pump = async (): Promise<void> => {
    // What begins like TLS would be judged as such.
    write(Buffer.from("flow "));
    while (!isEnding && !socket.destroyed) {
      if (!write(randomBytes(16 * 1024))) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
      await new Promise(setImmediate);
    }
  };
  const pumping = pump();
  return {
    closed,
    moreBytes: async (count: number): Promise<void> => {
      const goal = bytesReceived + count;
      await waitFor(() => bytesReceived >= goal, { what: "bytes to come back" });
    },
    /** Resolves when all that was sent has come back; throws when it has not. */
    end: async (): Promise<void> => {
      isEnding = true;
      await pumping;
      socket.end();
      await closed;
      expect(bytesReceived).toBe(bytesSent);
      expect(received.digest("hex")).toBe(sent.digest("hex"));
    },
  };
};

/** Takes a socket away and waits until it is back: the door has looked after all its sockets meanwhile. */
const healed = async (socketPath: string): Promise<void> => {
  await rm(socketPath);
  await waitFor(() => stat(socketPath), { what: "the socket to be back" });
};

const readAudit = async ({ auditPath }: Door): Promise<AuditRecord[]> =>
  (await readFile(auditPath, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

describe("a door at several sockets", () => {
  test("has one audit and one policy for all of them", async () => {
    await using origin = await startOrigin((_request, response) => response.end("fine"));
    await using wide = await openWide({ names: NAMES });
    const { house, beside, door } = wide;
    expect((await stat(beside)).mode & 0o777).toBe(0o666);
    const request = `GET http://allowed.test:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    for (const path of [beside, door.socketPath]) expect(await sendRaw(path, request)).toMatch(/^HTTP\/1\.1 403 /);
    await house.gateway.openDoor({ ...door, policy: { allow: [{ host: "allowed.test", ports: [origin.port] }] } });
    for (const path of [beside, door.socketPath]) expect(await sendRaw(path, request)).toContain("fine");
    await house.gateway.openDoor(door);
    for (const path of [beside, door.socketPath]) expect(await sendRaw(path, request)).toMatch(/^HTTP\/1\.1 403 /);
    expect((await house.records(6)).map(({ n, runId, status }) => [n, runId, status])).toEqual([
      [1, RUN, 403],
      [2, RUN, 403],
      [3, RUN, 200],
      [4, RUN, 200],
      [5, RUN, 403],
      [6, RUN, 403],
    ]);
  });

  test("has one limit for the connections and the requests of all of them", async () => {
    await using wide = await openWide({ limits: { connections: 3, refusalsPerMinute: 2, requestHeadersMs: 60_000 } });
    const { beside, door } = wide;
    const idle = [beside, beside, door.socketPath].map(connectTo);
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    for (const path of [beside, door.socketPath]) {
      const dropped = connectTo(path);
      dropped.on("error", () => {});
      await once(dropped.resume(), "close");
    }
    for (const socket of idle) {
      socket.destroy();
      await once(socket, "close");
    }
    const statuses: string[] = [];
    await waitFor(async () => (await sendRaw(door.socketPath, refusedRequest("a"))) !== "", { what: "room again" });
    for (const path of [beside, door.socketPath, beside]) statuses.push((await sendRaw(path, refusedRequest("a"))).slice(9, 12));
    expect(statuses).toEqual(["403", "403", "429"]);
  });

  test("is opened at all of them at once, and closed at all of them", async () => {
    await using wide = await openWide();
    const { house, beside, door } = wide;
    await house.gateway.closeDoor(RUN);
    for (const path of [beside, door.socketPath])
      await expect(sendRaw(path, refusedRequest("a"))).rejects.toMatchObject({ code: "ENOENT" });
    const wider = { ...door, alsoAt: [beside, await placeIn(house, "third")] };
    await house.gateway.openDoor(wider);
    const clients = [wider.socketPath, ...wider.alsoAt].map(connectTo);
    await Promise.all(clients.map((client) => once(client, "connect")));
    expect(house.gateway.listDoors()).toEqual([wider]);
    const ends = clients.map((client) => once(client, "close"));
    await house.gateway.closeDoor(RUN);
    await Promise.all(ends);
    for (const name of ["doors", "beside", "third"]) expect(await readdir(house.folder.join(name))).toEqual([]);
  });

  test("leaves nothing open when it cannot be opened at one of them", async () => {
    await using wide = await openWide();
    const { house, beside, door } = wide;
    await house.gateway.closeDoor(RUN);
    const missing = house.folder.join("missing", "gateway.sock");
    await expect(house.gateway.openDoor({ ...door, alsoAt: [beside, missing] })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(missing),
    });
    expect(house.gateway.health().doors).toEqual([]);
    for (const name of ["doors", "beside"]) expect(await readdir(house.folder.join(name))).toEqual([]);
    expect((await readdir(house.folder.path)).toSorted()).toEqual(["audit.ndjson", "beside", "doors"]);
    await house.gateway.openDoor(door);
    expect(await sendRaw(beside, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("is opened at another one, and closed at one, while what goes through the rest flows byte for byte", async () => {
    await using origin = await startRawOrigin((socket) => socket.pipe(socket));
    await using wide = await openWide({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { house, beside, door } = wide;
    const first = await startFlow(door.socketPath, origin.port);
    const second = await startFlow(beside, origin.port);
    await Promise.all([first.moreBytes(1_000_000), second.moreBytes(1_000_000)]);

    const third = await placeIn(house, "third");
    await house.gateway.openDoor({ ...door, alsoAt: [beside, third] });
    expect(house.gateway.listDoors()).toMatchObject([{ alsoAt: [beside, third] }]);
    expect(await sendRaw(third, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
    await Promise.all([first.moreBytes(1_000_000), second.moreBytes(1_000_000)]);

    const waiting = connectTo(beside);
    await once(waiting, "connect");
    const hungUp = once(waiting, "close");
    await house.gateway.openDoor({ ...door, alsoAt: [third] });
    await Promise.all([second.closed, hungUp]);
    expect(house.gateway.listDoors()).toMatchObject([{ alsoAt: [third] }]);
    expect(await readdir(house.folder.join("beside"))).toEqual([]);
    expect(await house.records(2)).toMatchObject([
      { n: 1, kind: "http", status: 403 },
      { n: 2, kind: "connect", decision: "allowed", rule: expect.stringContaining("cut when the door was closed") },
    ]);
    await first.moreBytes(1_000_000);
    await first.end();
    expect(await sendRaw(third, refusedRequest("b"))).toMatch(/^HTTP\/1\.1 403 /);
    const records = await house.records(4);
    expect(records.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
    expect(records[2]?.rule).not.toContain("cut");
  });

  test("has closed one for good when that is said, with the records of what went through it", async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: x\n\n");
    });
    await using wide = await openWide({ upstream: origin.url });
    const { house, beside, door } = wide;
    const [near, far] = [connectTo(door.socketPath), connectTo(beside)];
    for (const socket of [near, far]) {
      socket.on("error", () => {}).write(modelRequest("{}"));
      await once(socket, "data");
    }
    const farEnd = once(far, "close");
    await house.gateway.openDoor({ ...door, alsoAt: [] });
    expect(house.gateway.listDoors()).toMatchObject([{ alsoAt: [], auditAfter: 1 }]);
    await farEnd;
    await waitFor(() => origin.requests[1]?.socket.destroyed, { what: "the upstream's connection to be closed" });
    expect(origin.requests[0]?.socket.destroyed).toBe(false);
    await healed(door.socketPath);
    await expect(sendRaw(beside, refusedRequest("a"))).rejects.toMatchObject({ code: "ENOENT" });
    await house.gateway.closeDoor(RUN);
    expect((await readAudit(door)).map(({ n, status, rule }) => [n, status, /cut off/.test(rule)])).toEqual([
      [1, 200, true],
      [2, 200, true],
    ]);
  });

  test("stays as it is when it cannot be opened at another one", async () => {
    await using origin = await startRawOrigin((socket) => socket.pipe(socket));
    await using wide = await openWide({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { house, beside, door } = wide;
    const flow = await startFlow(beside, origin.port);
    const third = await placeIn(house, "third");
    const missing = house.folder.join("missing", "gateway.sock");
    for (const alsoAt of [
      [third, missing],
      [beside, third, missing],
    ])
      await expect(house.gateway.openDoor({ ...door, policy: { allow: [] }, alsoAt })).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining(missing),
      });
    expect(house.gateway.listDoors()).toEqual([door]);
    expect(await readdir(house.folder.join("third"))).toEqual([]);
    await flow.moreBytes(1_000_000);
    await flow.end();
    for (const path of [door.socketPath, beside]) expect(await sendRaw(path, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
    await house.gateway.openDoor({ ...door, alsoAt: [beside, third] });
    expect(await sendRaw(third, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test.each([
    ["removed", async (path: string) => rm(path)],
    [
      "replaced by another one",
      async (path: string) => {
        const own = path.replace("gateway", "own");
        const server = await listening(
          net.createServer((socket) => socket.resume().end("from inside")),
          own,
        );
        await rename(own, path);
        return server;
      },
    ],
  ])("listens again by itself where a further one was %s, and cuts nothing", async (_what, act) => {
    await using origin = await startRawOrigin((socket) => socket.pipe(socket));
    await using wide = await openWide({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { beside, door } = wide;
    const flows = [await startFlow(door.socketPath, origin.port), await startFlow(beside, origin.port)];
    const other = await act(beside);
    await waitFor(async () => (await sendRaw(beside, refusedRequest("a"))).startsWith("HTTP/1.1 403"), {
      what: "the door to be open again",
    });
    for (const flow of flows) {
      await flow.moreBytes(500_000);
      await flow.end();
    }
    if (other !== undefined) await new Promise((resolve) => other.close(resolve));
  });

  test("goes on at the others when the folder of one vanishes, and says so once", async () => {
    const notes: string[] = [];
    await using origin = await startRawOrigin((socket) => socket.pipe(socket));
    await using wide = await openWide({
      names: NAMES,
      allow: [{ host: "allowed.test", ports: [origin.port] }],
      note: (text) => notes.push(text),
    });
    const { house, beside, door } = wide;
    const third = await placeIn(house, "third");
    const wider = { ...door, alsoAt: [beside, third] };
    await house.gateway.openDoor(wider);
    const flow = await startFlow(door.socketPath, origin.port);
    for (const name of ["beside", "third"]) await rm(house.folder.join(name), { recursive: true });
    for (let looks = 0; looks < 4; looks += 1) await healed(door.socketPath);
    expect(notes.toSorted()).toEqual([expect.stringContaining(beside), expect.stringContaining(third)]);
    // Whoever opens it again has nothing to do with that.
    await house.gateway.openDoor(wider);
    expect(notes).toHaveLength(2);

    await mkdir(house.folder.join("third"));
    await waitFor(async () => (await sendRaw(third, refusedRequest("a"))).startsWith("HTTP/1.1 403"), {
      what: "the one whose folder is back",
    });
    await house.gateway.openDoor({ ...door, alsoAt: [] });
    await healed(door.socketPath);
    await flow.moreBytes(500_000);
    await flow.end();
    expect(notes).toHaveLength(2);
    expect((await house.records(2)).map(({ n }) => n)).toEqual([1, 2]);
  });

  test("opens again at all of them by itself when a person removes its audit", async () => {
    await using wide = await openWide();
    const { beside, door } = wide;
    await sendRaw(beside, refusedRequest("a"));
    await rm(door.auditPath);
    await waitFor(
      async () => {
        await sendRaw(beside, refusedRequest("b"));
        return (await readAudit(door)).length > 0;
      },
      { what: "a record after that" },
    );
    expect(await sendRaw(door.socketPath, refusedRequest("c"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("has its own places, each once, and its audit in the reach of none", async () => {
    await using wide = await openWide();
    const { house, beside, door } = wide;
    const { gateway, folder } = house;
    const wrong = async (changes: Partial<Door>) => gateway.openDoor({ ...door, ...changes });
    await expect(wrong({ alsoAt: ["gateway.sock"] })).rejects.toThrow(/absolute/);
    await expect(wrong({ alsoAt: [beside, beside] })).rejects.toMatchObject({ code: "bad_request" });
    await expect(wrong({ alsoAt: [`${folder.path}/doors/../doors/gateway.sock`] })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(wrong({ alsoAt: [folder.join("further.sock")] })).rejects.toThrow(/outside/);
    const other: Door = {
      ...door,
      runId: OTHER_RUN,
      socketPath: await placeIn(house, "other"),
      alsoAt: [],
      auditPath: folder.join("other.ndjson"),
    };
    await expect(gateway.openDoor({ ...other, socketPath: beside })).rejects.toMatchObject({ code: "conflict" });
    await expect(gateway.openDoor({ ...other, alsoAt: [door.socketPath] })).rejects.toMatchObject({ code: "conflict" });
    await expect(gateway.openDoor({ ...other, alsoAt: [`${folder.path}/./beside/gateway.sock`] })).rejects.toMatchObject({
      code: "conflict",
    });
    await gateway.openDoor(other);
    await expect(wrong({ alsoAt: [beside, other.socketPath] })).rejects.toMatchObject({ code: "conflict" });
    expect(gateway.listDoors()).toEqual([door, other]);
    for (const path of [door.socketPath, beside, other.socketPath])
      expect(await sendRaw(path, refusedRequest("a"))).toMatch(/^HTTP\/1\.1 403 /);
  });
});
