import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { GATEWAY_PATIENCE } from "./dial.ts";
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
const short = { firstMs: 5, mostMs: 10, limitMs: 50 };
/** A socket file that nobody listens on any more. */
const leaveDeadSocket = async (path: string) => {
  const script = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  await once(spawn(process.execPath, ["-e", script, path]), "exit");
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

  it("resets a connection whose gateway does not come, and goes on serving", async () => {
    await using folder = await temporaryFolder();
    await using forwarder = await startForwarder({ socketPath: folder.join("g"), port: 0, patience: short });
    const refused = connect(portOf(forwarder.url), "127.0.0.1").resume();
    const [error] = await once(refused, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
    await using _server = await serve(folder.join("g"), (socket) => socket.end("here"));
    const client = connect(portOf(forwarder.url), "127.0.0.1");
    expect(Buffer.concat(await client.toArray()).toString()).toBe("here");
  });

  it.each(["was never there", "was killed"])("holds what was sent to a gateway that %s until it comes", async (why) => {
    await using folder = await temporaryFolder();
    if (why === "was killed") await leaveDeadSocket(folder.join("g"));
    const told: (number | "reached")[] = [];
    await using forwarder = await startForwarder({
      socketPath: folder.join("g"),
      port: 0,
      patience: { ...GATEWAY_PATIENCE, firstMs: 5, mostMs: 10 },
      onWaiting: (count) => told.push(count),
      onReached: () => told.push("reached"),
    });
    const clients = [0, 1].map(() => connect({ port: portOf(forwarder.url), host: "127.0.0.1", allowHalfOpen: true }));
    // More than the buffers of two sockets: it is held, not only not yet sent.
    const text = "0123456789".repeat(1_000_000);
    for (const client of clients) client.write(text);
    await waitFor(() => told.includes(2), { what: "both to wait" });
    const got: number[] = [];
    await rm(folder.join("g"), { force: true });
    await using _server = await serve(folder.join("g"), (socket) => {
      let bytes = 0;
      socket.on("data", (part) => {
        bytes += part.length;
        if (bytes === text.length) {
          got.push(bytes);
          socket.end("thanks");
        }
      });
    });
    for (const client of clients) expect(Buffer.concat(await client.toArray()).toString()).toBe("thanks");
    expect(got).toEqual([text.length, text.length]);
    expect(told.filter((each) => each === "reached")).toHaveLength(2);
    expect(told.filter((each) => each !== "reached")).toEqual([1, 2, 1, 0]);
    for (const client of clients) client.destroy();
  });

  it("stops waiting for who has gone", async () => {
    await using folder = await temporaryFolder();
    const told: number[] = [];
    await using forwarder = await startForwarder({
      socketPath: folder.join("g"),
      port: 0,
      onWaiting: (count) => told.push(count),
    });
    const leaving = [(client: Socket) => client.destroy(), (client: Socket) => client.resetAndDestroy()];
    for (const leave of leaving) {
      const client = connect(portOf(forwarder.url), "127.0.0.1");
      client.write("x".repeat(1_000_000));
      await waitFor(() => told.at(-1) === 1, { what: "it to wait" });
      leave(client);
      await waitFor(() => told.at(-1) === 0, { what: "it to be forgotten" });
    }
    expect(told).toEqual([1, 0, 1, 0]);
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
