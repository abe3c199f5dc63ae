import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createConnection } from "node:net";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { listen } from "./listen.ts";

const serve = () => {
  const server = createServer((_request, response) => response.end("here"));
  return { server, [Symbol.asyncDispose]: () => close(server) };
};
const close = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));
const socket = (path: string, mode = 0o600) => ({ kind: "socket", path, mode }) as const;
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = createConnection(path, () => resolve(true)).on("error", () => resolve(false));
    connection.once("connect", () => connection.destroy());
  });

describe("listening on a socket", () => {
  it("makes nothing in the folder but the socket, as it is asked for, and leaves nothing there", async () => {
    await using folder = await temporaryFolder();
    await using only = serve();
    const path = folder.join("executor.sock");
    const door = await listen(only.server, socket(path, 0o660));
    expect(door.address).toBe(path);
    expect(await readdir(folder.path)).toEqual(["executor.sock"]);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect(await answers(path)).toBe(true);
    await door.leave();
    await close(only.server);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("leaves the socket of another that has come in its place, and takes away its own only", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("executor.sock");
    await using old = serve();
    const oldDoor = await listen(old.server, socket(path));
    await rm(path);
    await using following = serve();
    const door = await listen(following.server, socket(path));
    await oldDoor.leave();
    await close(old.server);
    expect(await answers(path)).toBe(true);
    await door.leave();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("tells when its socket is removed or replaced, and not when it leaves by itself", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("executor.sock");
    await using one = serve();
    const first = await listen(one.server, socket(path));
    const leaving = new AbortController();
    const told: string[] = [];
    const lost = first.lost(new AbortController().signal);
    void first.lost(leaving.signal).then(() => told.push("left"));
    leaving.abort();
    await rm(path);
    await lost;
    await using two = serve();
    const second = await listen(two.server, socket(path));
    const replaced = second.lost(new AbortController().signal);
    await rm(path);
    await using three = serve();
    await listen(three.server, socket(path));
    await replaced;
    expect(told).toEqual([]);
  });

  it.each([1, 6, 13, 40])("takes a path as long as the kernel allows whose last name has %i bytes", async (nameBytes) => {
    await using folder = await temporaryFolder();
    const path = (length: number) => folder.join("d".repeat(length), "s".repeat(nameBytes));
    const longest = path(1 + 107 - path(1).length);
    await mkdir(folder.join("d".repeat(1 + 107 - path(1).length)));
    await using only = serve();
    const door = await listen(only.server, socket(longest));
    expect(longest).toHaveLength(107);
    expect(await answers(longest)).toBe(true);
    await door.leave();
  });
});
