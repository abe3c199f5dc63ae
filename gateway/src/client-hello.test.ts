import { once } from "node:events";
import tls from "node:tls";
import { describe, expect, test } from "vitest";
import { inspectClientHello, MAX_CLIENT_HELLO_BYTES } from "./client-hello.ts";
import { startRawOrigin } from "./testing/house.ts";

/** The first bytes that Node's own TLS client sends. */
const realHello = async (options: tls.ConnectionOptions): Promise<Buffer> => {
  const received = Promise.withResolvers<Buffer>();
  await using server = await startRawOrigin((socket) => socket.once("data", received.resolve));
  const client = tls.connect({ host: "127.0.0.1", port: server.port, ...options });
  client.on("error", () => {});
  const bytes = await received.promise;
  client.destroy();
  await once(client, "close");
  return bytes;
};

const withLength = (size: number, content: Buffer): Buffer => {
  const length = Buffer.alloc(size);
  length.writeUIntBE(content.length, 0, size);
  return Buffer.concat([length, content]);
};
const serverNameExtension = (...names: string[]): Buffer => {
  const entries = names.map((name) => Buffer.concat([Buffer.from([0]), withLength(2, Buffer.from(name, "latin1"))]));
  return Buffer.concat([Buffer.from([0, 0]), withLength(2, withLength(2, Buffer.concat(entries)))]);
};
const helloWith = (...extensions: Buffer[]): Buffer => {
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    withLength(1, Buffer.alloc(0)),
    withLength(2, Buffer.from([0x13, 0x01])),
    withLength(1, Buffer.from([0])),
    withLength(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([1]), withLength(3, body)]);
};
const recordOf = (content: Buffer): Buffer => Buffer.concat([Buffer.from([0x16, 3, 1]), withLength(2, content)]);

describe("inspectClientHello", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("reads the name out of a real %s greeting, however it is cut", async (version) => {
    const bytes = await realHello({ servername: "allowed.test", minVersion: version, maxVersion: version });
    expect(inspectClientHello(bytes)).toEqual({ status: "hello", serverName: "allowed.test" });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(inspectClientHello(bytes.subarray(0, length))).toEqual({ status: "incomplete" });
    }
  });

  test("says that a greeting has no name", async () => {
    expect(inspectClientHello(await realHello({}))).toEqual({ status: "hello", serverName: null });
  });

  test("joins a greeting that is spread over several records", () => {
    const hello = helloWith(serverNameExtension("allowed.test"));
    const records = [hello.subarray(0, 1), hello.subarray(1, 50), hello.subarray(50)].map(recordOf);
    expect(inspectClientHello(Buffer.concat(records))).toEqual({ status: "hello", serverName: "allowed.test" });
    expect(inspectClientHello(Buffer.concat(records.slice(0, 2)))).toEqual({ status: "incomplete" });
  });

  test.each([
    ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["an SSH greeting", Buffer.from("SSH-2.0-x\r\n")],
    ["an SSLv2 greeting", Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ["a wrong major version", Buffer.from([0x16, 9, 1, 0, 5])],
  ])("tells %s from TLS", (_what, bytes) => {
    expect(inspectClientHello(bytes)).toEqual({ status: "not_tls" });
  });

  const name = serverNameExtension("allowed.test");
  test.each([
    ["two server names", helloWith(name, serverNameExtension("evil.test"))],
    ["two names in one extension", helloWith(serverNameExtension("allowed.test", "evil.test"))],
    ["a NUL in the name", helloWith(serverNameExtension("evil.test\0.allowed.test"))],
    ["an empty name", helloWith(serverNameExtension(""))],
    ["an extension past the end", helloWith(name.subarray(0, name.length - 1))],
    ["another handshake message", Buffer.concat([Buffer.from([2]), withLength(3, Buffer.alloc(40))])],
    ["a length beyond every greeting", Buffer.from([1, 0xff, 0xff, 0xff])],
  ])("calls %s malformed", (_what, handshake) => {
    expect(inspectClientHello(recordOf(handshake))).toEqual({ status: "malformed" });
  });

  test("calls empty and foreign records malformed", () => {
    const hello = helloWith(name);
    expect(inspectClientHello(Buffer.concat([recordOf(hello.subarray(0, 9)), recordOf(Buffer.alloc(0))]))).toEqual({
      status: "malformed",
    });
    expect(inspectClientHello(Buffer.concat([recordOf(hello.subarray(0, 9)), Buffer.from([0x17, 3, 3, 0, 1, 0])]))).toEqual({
      status: "malformed",
    });
  });

  test("does not wait for ever: what grows past the bound is malformed", () => {
    const hello = Buffer.concat([Buffer.from([1, 0, 0x3f, 0xff]), Buffer.alloc(4)]);
    const drip = Array.from({ length: MAX_CLIENT_HELLO_BYTES / 6 + 1 }, () => recordOf(Buffer.alloc(1)));
    expect(inspectClientHello(Buffer.concat([recordOf(hello), ...drip]))).toEqual({ status: "malformed" });
  });
});
