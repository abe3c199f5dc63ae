import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { sendRaw } from "./testing/house.ts";
import { isLiveSocket, listenOnSocket } from "./unix-socket.ts";

/** A server at a path that says its name. */
const listen = async (name: string, path: string) => {
  const server = createServer((_request, response) => response.end(name));
  const listening = await listenOnSocket(server, path, 0o600);
  const close = async (): Promise<void> => {
    listening.remove();
    await new Promise((resolve) => server.close(resolve));
  };
  return { ...listening, server, close };
};

const ask = (path: string) => sendRaw(path, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

describe("a server at a unix socket", () => {
  test("takes its file away when it is closed, and leaves that of another one which came after it", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("gateway.sock");
    const first = await listen("first", path);
    expect(await readdir(folder.path)).toEqual(["gateway.sock"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const second = await listen("second", path);
    expect([first.isInPlace(), second.isInPlace()]).toEqual([false, true]);
    await first.close();
    expect(await ask(path)).toContain("second");
    await second.close();
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("leaves the file of another one also when it is only closed", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("gateway.sock");
    const [first, second] = [await listen("first", path), await listen("second", path)];
    await new Promise((resolve) => first.server.close(resolve));
    expect(await ask(path)).toContain("second");
    await second.close();
  });

  test("fits where the longest path fits, also with a short name, and nowhere beyond", async () => {
    await using folder = await temporaryFolder();
    const room = 107 - Buffer.byteLength(`${folder.path}/`);
    for (const length of [room, 1]) {
      const path = folder.join("g".repeat(length));
      const server = await listen("there", path);
      expect(await ask(path)).toContain("there");
      await server.close();
    }
    const tooLong = folder.join("g".repeat(room + 1));
    await expect(listen("nowhere", tooLong)).rejects.toMatchObject({ code: "bad_request" });
  });

  test("takes the place of no file, and follows no link", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("gateway.sock");
    await writeFile(folder.join("victim"), "untouched");
    await symlink(folder.join("victim"), path);
    await expect(listen("nowhere", path)).rejects.toMatchObject({ code: "conflict" });
    const elsewhere = await listen("elsewhere", folder.join("elsewhere.sock"));
    await symlink(folder.join("elsewhere.sock"), folder.join("link.sock"));
    await expect(listen("nowhere", folder.join("link.sock"))).rejects.toMatchObject({ code: "conflict" });
    await elsewhere.close();
    expect(await readFile(folder.join("victim"), "utf8")).toBe("untouched");
    expect((await readdir(folder.path)).toSorted()).toEqual(["gateway.sock", "link.sock", "victim"]);
  });

  test("is live until it is closed, and not where its folder is missing", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("gateway.sock");
    const server = await listen("there", path);
    expect(await isLiveSocket(path)).toBe(true);
    await server.close();
    expect(await isLiveSocket(path)).toBe(false);
    await expect(listen("nowhere", folder.join("missing", "gateway.sock"))).rejects.toMatchObject({ code: "unavailable" });
  });
});
