import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { createDiskGuard, type DiskGuardOptions, judgeRoom } from "./disk-guard.ts";

const run = promisify(execFile);
const MEBIBYTE = 1024 * 1024;

const guardOf = (options: Partial<DiskGuardOptions> & Pick<DiskGuardOptions, "places">) => {
  const lines: string[] = [];
  let now = 0;
  const guard = createDiskGuard({
    minFreeMb: 1,
    log: (level, text) => lines.push(`${level} ${text}`),
    elapsedMs: () => now,
    ...options,
  });
  return { guard, lines, pass: (ms: number) => (now += ms) };
};

/** A file system of that size, of which a test may fill all. */
const smallDisk = async (mebibytes: number) => {
  const folder = await temporaryFolder();
  await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder.path]);
  return {
    path: folder.path,
    join: folder.join,
    async [Symbol.asyncDispose]() {
      await run("umount", [folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
};

describe("the disk guard", () => {
  it.skipIf(process.getuid?.() !== 0)(
    "keeps runs back while a disk is nearly full, and says so once (needs root for a disk)",
    async () => {
      await using disk = await smallDisk(8);
      const { guard, lines, pass } = guardOf({ minFreeMb: 4, places: [{ name: "data", path: disk.path }] });
      expect(await guard.roomForRun()).toEqual({ enough: true });
      await writeFile(disk.join("big"), Buffer.alloc(6 * MEBIBYTE, 1));
      // Known for two seconds, however often it is asked.
      expect(await guard.roomForRun()).toEqual({ enough: true });
      pass(2000);
      expect(await guard.roomForRun()).toEqual({
        enough: false,
        why: expect.stringMatching(/^The disk of the data folder has 2 MiB left, and 4 MiB are wanted for another run/),
      });
      pass(2000);
      await guard.roomForRun();
      expect(await guard.places()).toEqual([{ name: "data", freeBytes: 2 * MEBIBYTE, totalBytes: 8 * MEBIBYTE }]);
      await rm(disk.join("big"));
      pass(2000);
      expect(await guard.roomForRun()).toEqual({ enough: true });
      expect(lines).toEqual([
        expect.stringMatching(/^warn queued runs wait: The disk of the data folder/),
        "info there is room for runs again",
      ]);
    },
  );

  it("never keeps runs back when it is off, and still tells what is free", async () => {
    await using folder = await temporaryFolder();
    const { guard } = guardOf({
      minFreeMb: 0,
      places: [
        { name: "data", path: folder.join("gone") },
        { name: "database", path: folder.path },
      ],
    });
    expect(await guard.roomForRun()).toEqual({ enough: true });
    expect(await guard.places()).toMatchObject([{ name: "database", freeBytes: expect.any(Number) }]);
  });

  it("keeps runs back when a place cannot be looked at", async () => {
    await using folder = await temporaryFolder();
    const { guard, pass } = guardOf({ places: [{ name: "data", path: folder.join("gone") }] });
    expect(await guard.roomForRun()).toMatchObject({ enough: false, why: expect.stringMatching(/cannot be told: ENOENT/) });
    await mkdir(folder.join("gone"));
    pass(2000);
    expect(await guard.roomForRun()).toEqual({ enough: true });
  });

  it("asks the engine for its folder until it answers, and waits for it never", async () => {
    await using folder = await temporaryFolder();
    const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    let asked = 0;
    const { guard, pass } = guardOf({
      places: [{ name: "data", path: folder.path }],
      dockerRoot: () => answers[asked++]?.promise ?? Promise.reject(new Error("asked too often")),
    });
    expect(await guard.roomForRun()).toEqual({ enough: true });
    expect((await guard.places()).map(({ name }) => name)).toEqual(["data"]);
    answers[0]?.reject(new Error("no engine"));
    pass(59_000);
    await guard.places();
    expect(asked).toBe(1);
    pass(1_000);
    await guard.places();
    expect(asked).toBe(2);
    answers[1]?.resolve(folder.path);
    await answers[1]?.promise;
    expect((await guard.places()).map(({ name }) => name)).toEqual(["data", "docker"]);
    pass(120_000);
    await guard.places();
    expect(asked).toBe(2);
  });

  it("leaves the engine's folder out when it is not on this side", async () => {
    await using folder = await temporaryFolder();
    const { guard, pass } = guardOf({
      places: [{ name: "data", path: folder.path }],
      dockerRoot: async () => folder.join("elsewhere"),
    });
    await guard.places();
    pass(2000);
    expect(await guard.roomForRun()).toEqual({ enough: true });
  });

  it("names the place with the least room", () => {
    const places = [
      { name: "data" as const, freeBytes: 50 * MEBIBYTE, totalBytes: 100 * MEBIBYTE },
      { name: "docker" as const, freeBytes: 3 * MEBIBYTE, totalBytes: 100 * MEBIBYTE },
      { name: "database" as const, freeBytes: 0, totalBytes: 0 },
    ];
    expect(judgeRoom(places, 10 * MEBIBYTE)).toMatchObject({
      enough: false,
      why: expect.stringContaining("of the Docker Engine has 3 MiB"),
    });
    expect(judgeRoom(places, 3 * MEBIBYTE)).toEqual({ enough: true });
  });
});
