import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EXECUTOR_SPOOL_HELD_EXIT_CODE, spoolFileName } from "@ccr/protocol";
import { leakWatch, pinnedNode, type TemporaryFolder, temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { executorMain } from "./index.ts";
import { lockSpool } from "./spool-lock.ts";
import { assertNoGap, collect, executorFolder, outcomeOf, startExecutor, testEnvironment } from "./testing/executor.ts";

const wildAgent = fileURLToPath(new URL("./testing/wild-agent.mjs", import.meta.url));
const never = new AbortController().signal;

/** Starts one more executor over a folder, whatever becomes of it. */
const startAnother = (folder: TemporaryFolder) => {
  const child = spawn(pinnedNode, [executorMain], {
    env: { ...testEnvironment(folder), EXECUTOR_LISTEN: folder.join("e.sock"), EXECUTOR_CLAUDE: wildAgent },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const printed: string[] = [];
  const lines = createInterface({ input: child.stdout }).on("line", (line) => printed.push(line));
  const said = async (what: RegExp): Promise<void> => {
    while (!printed.some((line) => what.test(line))) await once(lines, "line");
  };
  const exited = once(child, "close").then(() => ({ code: child.exitCode, stderr }));
  return {
    child,
    said,
    exited,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
};

/** What is in a folder, down to the moment of its last change. */
const look = async (folder: TemporaryFolder): Promise<string[]> => {
  const names = await readdir(folder.path, { recursive: true });
  return Promise.all(
    names.sort().map(async (name) => {
      const { ino, size, mtimeMs, mode } = await lstat(folder.join(name));
      return `${name} ${ino} ${size} ${mtimeMs} ${mode}`;
    }),
  );
};

describe("two executors over one folder", () => {
  it("are one that works and one that ends without having touched anything, though the first is frozen", async () => {
    const leaks = await leakWatch();
    {
      await using folder = await executorFolder();
      await using first = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
      const events = (await first.stream("POST", "/execute", { prompt: "waits" }))[Symbol.asyncIterator]();
      const seen = [];
      while (seen.at(-1)?.body.type !== "assistant") seen.push((await events.next()).value);
      first.child.kill("SIGSTOP");
      const before = await look(folder);
      await using second = startAnother(folder);
      const ending = await second.exited;
      const after = await look(folder);
      first.child.kill("SIGCONT");
      expect(ending).toEqual({
        code: EXECUTOR_SPOOL_HELD_EXIT_CODE,
        stderr: expect.stringMatching(/^executor: another executor works with .*\/spool.*\n$/),
      });
      expect(after).toEqual(before);
      expect((await first.ask("POST", "/interrupt")).json).toMatchObject({ interrupted: true });
      const all = await collect(await first.stream("GET", "/execute"));
      assertNoGap(all, 1);
      expect(outcomeOf(all)).toEqual({ kind: "interrupted" });
      expect(all.filter(({ body }) => body.type === "execution_ended")).toHaveLength(1);
    }
    await leaks.assertNothingLeft();
  });

  it("are never two that work, however many start at the same moment", async () => {
    await using folder = await executorFolder();
    await mkdir(folder.join("home"));
    await using cleanUp = new AsyncDisposableStack();
    const all = [1, 2, 3, 4].map(() => cleanUp.use(startAnother(folder)));
    const up = await Promise.race(all.map((each) => each.said(/listening/).then(() => each)));
    const others = await Promise.all(all.filter((each) => each !== up).map(({ exited }) => exited));
    expect(others.map(({ code }) => code)).toEqual([75, 75, 75]);
    expect(up.child.exitCode).toBeNull();
  });

  it("are one after the other when the first is on its way out", async () => {
    await using folder = await executorFolder();
    await using first = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
    const events = (await first.stream("POST", "/execute", { prompt: "waits" }))[Symbol.asyncIterator]();
    await events.next();
    first.child.kill("SIGSTOP");
    await using second = startAnother(folder);
    await second.said(/waits for another executor/);
    await first.end("SIGKILL");
    await second.said(/listening/);
    const spooled = (await readFile(folder.join("spool", spoolFileName(1)), "utf8")).trim().split("\n");
    expect(spooled.filter((line) => line.includes('"execution_ended"'))).toHaveLength(1);
  });

  it("are one again when the second is told to end while it waits", async () => {
    await using folder = await executorFolder();
    await using first = await startExecutor({ folder });
    await using second = startAnother(folder);
    await second.said(/waits for another executor/);
    second.child.kill("SIGTERM");
    expect(await second.exited).toEqual({ code: 143, stderr: "" });
    expect((await first.ask("GET", "/health")).status).toBe(200);
  });
});

describe("lockSpool", () => {
  const path = "executor.lock";
  const run = promisify(execFile);
  const mkfifo = (file: string) => run("mkfifo", [file]);
  const database = (file: string) => {
    using made = new DatabaseSync(file);
    made.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  };

  it.each([
    ["a folder", (file: string) => mkdir(`${file}/with/more`, { recursive: true })],
    ["a link to nowhere", (file: string) => symlink("/nonexistent/file", file)],
    ["a pipe", mkfifo],
    ["what is no lock", (file: string) => writeFile(file, "no database, and long enough to be looked at".repeat(100))],
    ["a database", async (file: string) => database(file)],
    [
      "what is no journal",
      (file: string) => writeFile(`${file}-journal`, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".repeat(500), "latin1"),
    ],
  ])("takes the lock though somebody has put %s in its place", async (_what, put) => {
    await using folder = await temporaryFolder();
    await put(folder.join(path));
    using held = await lockSpool(folder.path, { signal: never, withinMs: 0 });
    expect(held).not.toBeNull();
    await expect(lockSpool(folder.path, { signal: never, withinMs: 0 })).rejects.toThrow(/another executor/);
  });

  it("gives it to the next one when it is let go of, and is an empty file and no more", async () => {
    await using folder = await temporaryFolder();
    for (let n = 0; n < 3; n += 1) {
      using held = await lockSpool(folder.join("new/folder"), { signal: never, withinMs: 0 });
      expect(held).not.toBeNull();
    }
    using held = await lockSpool(folder.join("new/folder"), { signal: never, withinMs: 0 });
    expect(held).not.toBeNull();
    expect(await readdir(folder.join("new/folder"))).toEqual([path]);
    expect((await lstat(folder.join("new/folder", path))).size).toBe(0);
    expect((await lstat(folder.join("new/folder"))).mode & 0o777).toBe(0o700);
  });

  it.skipIf(process.getuid?.() !== 0)("takes it on a full disk (needs root, to mount a small disk)", async () => {
    await using folder = await temporaryFolder();
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path]);
    try {
      await expect(writeFile(folder.join("filler"), Buffer.alloc(1024 * 1024))).rejects.toMatchObject({ code: "ENOSPC" });
      using held = await lockSpool(folder.path, { signal: never, withinMs: 0 });
      expect(held).not.toBeNull();
      await expect(lockSpool(folder.path, { signal: never, withinMs: 0 })).rejects.toThrow(/another executor/);
    } finally {
      await run("umount", ["-l", folder.path]);
    }
  });
});
