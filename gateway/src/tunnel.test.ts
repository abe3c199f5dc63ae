import { randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { buffer, text } from "node:stream/consumers";
import tls from "node:tls";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS } from "./limits.ts";
import { makeCertificate } from "./testing/certificate.ts";
import { connectTo, openHouse, RUN, startRawOrigin } from "./testing/house.ts";

const NAMES = { "allowed.test": ["127.0.0.1"] };

/** Asks for a tunnel and gives the connection with the proxy's answer. */
const askForTunnel = async (socketPath: string, target: string): Promise<{ client: net.Socket; answer: string }> => {
  const client = connectTo(socketPath);
  client.on("error", () => {});
  client.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  const [chunk] = await once(client, "data");
  client.pause();
  return { client, answer: chunk.toString() };
};

const startTlsOrigin = async (onConnection: (socket: net.Socket) => void) => {
  await using folder = await temporaryFolder();
  const certificate = await makeCertificate(folder, ["allowed.test"]);
  const origin = await startRawOrigin(onConnection, (listener) => tls.createServer(certificate, listener));
  return { ...origin, ca: certificate.cert };
};

describe("CONNECT", () => {
  test("carries TLS to an allowed host, end to end", async () => {
    await using origin = await startTlsOrigin((socket) => socket.on("data", (data) => socket.write(`echo ${data}`)));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { client, answer } = await askForTunnel(house.door.socketPath, `ALLOWED.test:${origin.port}`);
    expect(answer).toBe("HTTP/1.1 200 Connection Established\r\n\r\n");
    const secure = tls.connect({ socket: client, servername: "allowed.test", ca: origin.ca });
    await once(secure, "secureConnect");
    expect(secure.authorized).toBe(true);
    secure.write("hello");
    expect((await once(secure, "data"))[0].toString()).toBe("echo hello");
    secure.destroy();
    const [record] = await house.records(1);
    expect(record).toMatchObject({
      kind: "connect",
      method: "CONNECT",
      host: "allowed.test",
      port: origin.port,
      path: "",
      decision: "allowed",
      status: null,
    });
    expect(record?.bytesUp).toBeGreaterThan(200);
    expect(record?.bytesDown).toBeGreaterThan(500);
  });

  test.each([
    ["another name", { servername: "evil.test" }, /the TLS greeting is for evil\.test, not for allowed\.test as asked/],
    ["no name", {}, /names no server/],
    ["a name below", { servername: "sub.allowed.test" }, /is for sub\.allowed\.test/],
  ])("cuts a TLS greeting for %s, before the origin sees any of it", async (_what, options, rule) => {
    let bytes = 0;
    await using origin = await startRawOrigin((socket) => socket.on("data", (data) => (bytes += data.length)));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    const secure = tls.connect({ socket: client, rejectUnauthorized: false, ...options });
    const [error] = await once(secure, "error");
    expect(String(error)).toMatch(/unrecognized name/i);
    expect(bytes).toBe(0);
    expect(await house.records(1)).toMatchObject([
      { kind: "connect", decision: "refused", status: null, rule: expect.stringMatching(rule) },
    ]);
  });

  test.each([
    ["allowed.test:80", "not with port 80"],
    ["allowed.test:22", "not with port 22"],
    ["other.test:443", "not on the allow-list"],
    ["allowed.other.test:443", "not on the allow-list"],
    ["allowed.test.other.test:443", "not on the allow-list"],
    ["169.254.169.254:443", "addresses are not taken"],
    ["2130706433:443", "addresses are not taken"],
    ["0x7f000001:443", "addresses are not taken"],
    ["0177.0.0.1:443", "addresses are not taken"],
    ["[::ffff:127.0.0.1]:443", "addresses are not taken"],
    ["allowed.test@other.test:443", "user information"],
    ["allowed.test.:443", "a dot after"],
    ["allowed.test", "the port is missing"],
    ["allowed.test:0", "not a port"],
    ["allowed.test:65536", "not a port"],
    ["allowed%2etest:443", "not a host name"],
  ])("refuses %s without resolving any name", async (target, rule) => {
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [443] }] });
    const answer = await house.send(`CONNECT ${target} HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(house.lookups).toEqual([]);
    expect(await house.records(1)).toMatchObject([
      { decision: "refused", rule: expect.stringContaining(answer.includes(" 400 ") ? "not valid HTTP" : rule) },
    ]);
  });

  test.each([
    ["NUL", "CONNECT other.test\0.allowed.test:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a space", "CONNECT other.test .allowed.test:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a line end", "CONNECT other.test\r\n.allowed.test:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a Cyrillic letter", "CONNECT allоwed.test:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["an ideographic full stop", "CONNECT allowed。test:443 HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("refuses a host with %s", async (_what, bytes) => {
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [443] }] });
    expect(await house.send(bytes)).toMatch(/^HTTP\/1\.1 40[03] /);
    expect(house.lookups).toEqual([]);
    expect(await house.records(1)).toMatchObject([{ decision: "refused" }]);
  });

  test("refuses a name that leads into private ranges, and dials nothing", async () => {
    await using origin = await startRawOrigin(() => {});
    await using house = await openHouse({
      names: { "rebind.test": ["192.168.1.1"] },
      allow: [{ host: "rebind.test", ports: [origin.port] }],
    });
    expect(await house.send(`CONNECT rebind.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 403 [\s\S]*192\.168\.1\.1/,
    );
    expect(origin.sockets.size).toBe(0);
  });

  test("answers 502 when the host cannot be reached", async () => {
    const origin = await startRawOrigin(() => {});
    await origin[Symbol.asyncDispose]();
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const answer = await house.send(`CONNECT allowed.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 502 [\s\S]*ECONNREFUSED/);
    expect(await house.records(1)).toMatchObject([{ decision: "allowed", status: 502 }]);
  });

  test("lets other protocols through on other ports, whoever speaks first, with half-closed ends", async () => {
    await using origin = await startRawOrigin(
      (socket) => {
        socket.write("220 hello\r\n");
        void text(socket).then((said) => socket.end(`you said ${said}`));
      },
      (listener) => net.createServer({ allowHalfOpen: true }, listener),
    );
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const client = connectTo(house.door.socketPath);
    client.write(`CONNECT allowed.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    let seen = "";
    for await (const chunk of client.iterator({ destroyOnReturn: false })) {
      seen += chunk.toString();
      if (seen.includes("220 hello")) break;
    }
    client.end("bye");
    expect(await text(client)).toBe("you said bye");
    expect(await house.records(1)).toMatchObject([{ decision: "allowed", bytesUp: 3, bytesDown: 23 }]);
  });

  test("carries megabytes both ways, byte for byte", async () => {
    const bytes = randomBytes(20 * 1024 * 1024);
    await using origin = await startRawOrigin(
      (socket) => socket.pipe(socket),
      (listener) => net.createServer({ allowHalfOpen: true }, listener),
    );
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    client.end(bytes);
    expect((await buffer(client)).equals(bytes)).toBe(true);
    expect(await house.records(1)).toMatchObject([{ decision: "allowed", bytesUp: bytes.length, bytesDown: bytes.length }]);
  });

  test("carries what a client sends together with CONNECT", async () => {
    await using origin = await startRawOrigin((socket) => socket.on("data", (data) => socket.end(`echo ${data}`)));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const answer = await house.send(`CONNECT allowed.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\nearly`);
    expect(answer).toBe("HTTP/1.1 200 Connection Established\r\n\r\necho early");
  });

  test("refuses CONNECT that is pipelined behind an unanswered request", async () => {
    await using origin = await startRawOrigin((socket) => socket.resume());
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const target = `allowed.test:${origin.port}`;
    const answer = await house
      .send(`GET http://${target}/ HTTP/1.1\r\nHost: x\r\n\r\nCONNECT ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
      .catch((error: Error) => error.message);
    expect(answer).not.toContain("200");
    const records = await house.records(2);
    expect(records.find(({ kind }) => kind === "connect")).toMatchObject({
      decision: "refused",
      rule: expect.stringContaining("earlier request"),
    });
  });

  test("closing the door cuts open tunnels and records them", async () => {
    await using origin = await startRawOrigin((socket) => socket.on("data", (data) => socket.write(data)));
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }] });
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    client.resume().write("ping");
    expect((await once(client, "data"))[0].toString()).toBe("ping");
    const idle = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    const records = house.records(2);
    const ends = Promise.all([once(client.resume(), "close"), once(idle.client.resume(), "close")]);
    await house.gateway.closeDoor(RUN);
    await ends;
    await waitFor(() => [...origin.sockets].every((socket) => socket.destroyed), {
      what: "the origin's connections to be closed",
    });
    expect((await records).map(({ rule, bytesUp }) => [rule.includes("door was closed"), bytesUp]).sort()).toEqual([
      [true, 0],
      [true, 4],
    ]);
    const refused = net.connect({ path: house.door.socketPath });
    expect((await once(refused, "error"))[0]).toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["long silence", { idleMs: 50 }, "long silence"],
    ["its longest time", { tunnelMs: 50 }, "longest time"],
  ])("cuts a tunnel after %s", async (_what, limits, rule) => {
    await using origin = await startRawOrigin((socket) => socket.resume());
    await using house = await openHouse({ names: NAMES, allow: [{ host: "allowed.test", ports: [origin.port] }], limits });
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    await once(client.resume(), "close");
    expect(await house.records(1)).toMatchObject([{ decision: "allowed", rule: expect.stringContaining(rule) }]);
  });
});

describe("CONNECT to a port for TLS alone", () => {
  const openTlsOnlyHouse = (port: number) =>
    openHouse({
      names: NAMES,
      allow: [{ host: "allowed.test", ports: [port] }],
      limits: { tlsOnlyPorts: [port], clientHelloMs: 200 },
    });

  test.each([
    ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"), "is not TLS"],
    ["SSH", Buffer.from("SSH-2.0-OpenSSH\r\n"), "is not TLS"],
    ["a malformed greeting", Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0]), "malformed"],
    ["a greeting that never ends", Buffer.from([0x16, 3, 1, 1, 0, 1, 0, 0, 0xff]), "no TLS greeting came in time"],
    ["silence", Buffer.alloc(0), "no TLS greeting came in time"],
  ])("refuses %s, and sends nothing of it on", async (_what, sent, rule) => {
    let bytes = 0;
    await using origin = await startRawOrigin((socket) => socket.on("data", (data) => (bytes += data.length)));
    await using house = await openTlsOnlyHouse(origin.port);
    const { client, answer } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    expect(answer).toContain("200");
    client.write(sent);
    await once(client.resume(), "close");
    expect(bytes).toBe(0);
    expect(await house.records(1)).toMatchObject([{ decision: "refused", status: null, rule: expect.stringContaining(rule) }]);
  });

  test("refuses a greeting that breaks off", async () => {
    await using origin = await startRawOrigin(() => {});
    await using house = await openTlsOnlyHouse(origin.port);
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    client.end(Buffer.from([0x16, 3, 1, 1, 0]));
    await once(client.resume(), "close");
    expect(await house.records(1)).toMatchObject([{ decision: "refused", rule: "the TLS greeting broke off" }]);
  });

  test("lets TLS for the right name through", async () => {
    await using origin = await startTlsOrigin((socket) => socket.end("welcome"));
    await using house = await openTlsOnlyHouse(origin.port);
    const { client } = await askForTunnel(house.door.socketPath, `allowed.test:${origin.port}`);
    expect(await text(tls.connect({ socket: client, servername: "allowed.test", ca: origin.ca }))).toBe("welcome");
    expect(await house.records(1)).toMatchObject([{ decision: "allowed", status: null }]);
  });

  test("443 is such a port by default", () => {
    expect(DEFAULT_LIMITS.tlsOnlyPorts).toEqual([443]);
  });
});
