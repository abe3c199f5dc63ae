import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { startForwarder } from "./forwarder.ts";

const serve = async (path: string, onConnection: (socket: Socket) => void) => {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    onConnection(socket);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
const portOf = (url: string) => Number(new URL(url).port);

describe("startForwarder", () => {
  it("carries bytes both ways and lets each way end by itself", async () => {
    await using folder = await temporaryFolder();
    // Answers only after the question has ended: without half-close this would never finish.
    await using _server = await serve(folder.join("g"), (socket) => {
      const parts: Buffer[] = [];
      socket.on("data", (part) => parts.push(part));
      socket.on("end", () => socket.end(Buffer.concat(parts).toString().toUpperCase()));
    });
    await using forwarder = await startForwarder({ socketPath: folder.join("g"), port: 0 });
    const client = connect({ port: portOf(forwarder.url), host: "127.0.0.1", allowHalfOpen: true });
    client.end("question ".repeat(100_000));
    const answer = Buffer.concat(await client.toArray()).toString();
    expect(answer).toBe("QUESTION ".repeat(100_000));
  });

  it("ends a connection whose gateway is not there, and goes on serving", async () => {
    await using folder = await temporaryFolder();
    await using forwarder = await startForwarder({ socketPath: folder.join("g"), port: 0 });
    const refused = connect(portOf(forwarder.url), "127.0.0.1").resume();
    refused.on("error", () => {});
    await once(refused, "close");
    await using _server = await serve(folder.join("g"), (socket) => socket.end("here"));
    const client = connect(portOf(forwarder.url), "127.0.0.1");
    expect(Buffer.concat(await client.toArray()).toString()).toBe("here");
  });

  it("closes the other side when one side breaks off", async () => {
    await using folder = await temporaryFolder();
    let outside: Socket | null = null;
    await using _server = await serve(folder.join("g"), (socket) => {
      outside = socket;
      socket.on("error", () => {});
      socket.resume();
    });
    await using forwarder = await startForwarder({ socketPath: folder.join("g"), port: 0 });
    const client = connect(portOf(forwarder.url), "127.0.0.1");
    client.write("x");
    const seen = await waitFor(() => outside, { what: "the connection to arrive" });
    client.resetAndDestroy();
    await waitFor(() => seen.destroyed || seen.readableEnded, { what: "the other side to be closed" });
    seen.destroy();
  });

  it("closes everything when it is disposed", async () => {
    await using folder = await temporaryFolder();
    await using _server = await serve(folder.join("g"), (socket) => socket.on("error", () => {}).resume());
    const forwarder = await startForwarder({ socketPath: folder.join("g"), port: 0 });
    const client = connect(portOf(forwarder.url), "127.0.0.1").resume();
    client.on("error", () => {});
    await once(client, "connect");
    await forwarder[Symbol.asyncDispose]();
    await waitFor(() => client.destroyed, { what: "the client's connection to be closed" });
  });
});
