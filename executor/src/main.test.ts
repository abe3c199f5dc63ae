import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { EXECUTOR_DOOR_LOST_EXIT_CODE, spoolFileName } from "@ccr/protocol";
import { leakWatch, pinnedNode, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { executorMain } from "./index.ts";
import { collect, executorFolder, outcomeOf, startExecutor, testEnvironment } from "./testing/executor.ts";

const wildAgent = fileURLToPath(new URL("./testing/wild-agent.mjs", import.meta.url));

const run = async (args: string[], env: Record<string, string>) => {
  const child = spawn(pinnedNode, [executorMain, ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    child.stdout.setEncoding("utf8").toArray(),
    child.stderr.setEncoding("utf8").toArray(),
    once(child, "exit"),
  ]);
  return { code: child.exitCode, stdout: stdout.join(""), stderr: stderr.join("") };
};

describe("the executor's program", () => {
  it("explains itself", async () => {
    const { code, stdout, stderr } = await run(["--help"], {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of ["EXECUTOR_LISTEN", "EXECUTOR_TOKEN", "EXECUTOR_WORKSPACE", "EXECUTOR_SPOOL", "EXECUTOR_GATEWAY"])
      expect(stdout).toContain(name);
  });

  it("compiles all that it loads until it works with an agent, for those that start after it", async () => {
    await using folder = await executorFolder();
    const cache = { NODE_COMPILE_CACHE: folder.join("compiled") };
    expect(await run(["--compile"], cache)).toEqual({ code: 0, stdout: "", stderr: "" });
    await using executor = await startExecutor({
      folder,
      env: { ...cache, NODE_DEBUG_NATIVE: "COMPILE_CACHE", EXECUTOR_PREWARM: "1", EXECUTOR_CLAUDE: wildAgent },
    });
    await waitFor(() => executor.stderr().includes("claude-agent-sdk/"), { what: "the Agent SDK to be loaded" });
    await executor.end("SIGTERM");
    const told = executor.stderr();
    for (const module of ["executor/src/main.ts", "executor/src/spool.ts", "claude-agent-sdk/sdk.mjs"])
      expect(told, module).toMatch(new RegExp(`for ESM \\S*/${module} was accepted`));
    expect(told).not.toMatch(/was not initialized|no transpile cache|was rejected/);
  });

  it("refuses to listen on TCP without a token, in one line", async () => {
    const { code, stderr } = await run([], { EXECUTOR_LISTEN: "127.0.0.1:0" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^executor: EXECUTOR_TOKEN is not set.*\n$/);
  });

  it("refuses an argument that it does not know, and bad values, in one line", async () => {
    for (const [args, env] of [
      [["--verbose"], {}],
      [[], { EXECUTOR_LISTEN: "nonsense" }],
    ] as const) {
      const { code, stderr } = await run([...args], env);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^executor: .*\n$/);
    }
  });

  it("says which port is taken", async () => {
    await using folder = await executorFolder();
    await using other = await executorFolder();
    await using first = await startExecutor({ folder, listen: "127.0.0.1:0", env: { EXECUTOR_TOKEN: "t" } });
    const { code, stderr } = await run([], {
      ...testEnvironment(other),
      EXECUTOR_TOKEN: "t",
      EXECUTOR_LISTEN: new URL(first.address).host,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^executor: .*EADDRINUSE.*\n$/);
  });

  it("takes over a socket whose server was killed, but not one that is answered, nor a file", async () => {
    await using folder = await executorFolder();
    await using other = await executorFolder();
    const killed = await startExecutor({ folder });
    await killed.end("SIGKILL");
    expect((await stat(folder.join("e.sock"))).isSocket()).toBe(true);
    await using alive = await startExecutor({ folder });
    expect((await alive.ask("GET", "/health")).status).toBe(200);
    const second = await run([], { ...testEnvironment(other), EXECUTOR_LISTEN: folder.join("e.sock") });
    expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/another server listens/) });
    await writeFile(folder.join("file"), "precious");
    const third = await run([], { ...testEnvironment(other), EXECUTOR_LISTEN: folder.join("file") });
    expect(third).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not a socket/) });
  });

  it("leaves the socket of one that has taken its place, however late it ends", async () => {
    await using folder = await executorFolder();
    await using other = await executorFolder();
    await using first = await startExecutor({ folder });
    const gone = once(first.child, "exit");
    await rm(first.address);
    await using second = await startExecutor({ folder: other, listen: first.address });
    expect(await gone).toEqual([EXECUTOR_DOOR_LOST_EXIT_CODE, null]);
    expect((await second.ask("GET", "/health")).status).toBe(200);
    await second.end("SIGTERM");
    expect(await readdir(folder.path)).not.toContain("e.sock");
  });

  it("makes its socket for its user alone, or as it is told", async () => {
    await using folder = await executorFolder();
    {
      await using executor = await startExecutor({ folder });
      expect((await stat(executor.address)).mode & 0o777).toBe(0o600);
    }
    await using executor = await startExecutor({ folder, env: { EXECUTOR_SOCKET_MODE: "666" } });
    expect((await stat(executor.address)).mode & 0o777).toBe(0o666);
  });

  it("ends by itself when its lifetime is over: the execution as interrupted, the process with 0", async () => {
    const leaks = await leakWatch();
    {
      await using folder = await executorFolder();
      // Long enough for it to be asked for something, however busy the machine is.
      const env = { EXECUTOR_CLAUDE: wildAgent, EXECUTOR_LIFETIME_SECONDS: "6" };
      await using executor = await startExecutor({ folder, env });
      const exit = once(executor.child, "exit");
      const events = await collect(await executor.stream("POST", "/execute", { prompt: "waits" }));
      expect(outcomeOf(events)).toEqual({ kind: "interrupted" });
      expect(await exit).toEqual([0, null]);
      expect(await readFile(folder.join("spool", spoolFileName(1)), "utf8")).toContain('"interrupted"');
    }
    await leaks.assertNothingLeft();
  });

  it("ends, and its agent with it, when its door is taken away: nobody can speak with it any more", async () => {
    const leaks = await leakWatch();
    {
      await using folder = await executorFolder();
      await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
      const exit = once(executor.child, "exit");
      await executor.stream("POST", "/execute", { prompt: "waits" });
      await rm(folder.join("e.sock"));
      expect(await exit).toEqual([EXECUTOR_DOOR_LOST_EXIT_CODE, null]);
      expect(executor.stderr()).toMatch(/^executor: .* does not lead here any more; ending\n$/);
      expect(await readFile(folder.join("spool", spoolFileName(1)), "utf8")).toContain('"execution_ended"');
      // Whoever comes over the same folders goes on.
      await using next = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
      expect((await next.ask("GET", "/health")).status).toBe(200);
    }
    await leaks.assertNothingLeft();
  });

  it.each([
    { signal: "SIGTERM" as const, code: 143 },
    { signal: "SIGINT" as const, code: 130 },
  ])("ends with $code on $signal, what was going on as interrupted, and leaves nothing behind", async ({ signal, code }) => {
    const leaks = await leakWatch();
    {
      await using folder = await executorFolder();
      const executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
      const events = executor.stream("POST", "/execute", { prompt: "waits" }).then(collect);
      await waitFor(async () => (await executor.ask("GET", "/health")).text.includes('"executing"'), { what: "the execution" });
      expect(await executor.end(signal)).toBe(code);
      expect(outcomeOf(await events)).toEqual({ kind: "interrupted" });
      expect(executor.stderr()).toBe("");
      expect(await readdir(folder.path)).not.toContain("e.sock");
      expect(await readdir(folder.join("spool"))).not.toContain("tmp");
    }
    await leaks.assertNothingLeft();
  });
});
