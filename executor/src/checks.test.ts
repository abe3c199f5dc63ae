import { readdir, readFile, writeFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import type { CheckResult } from "@ccr/protocol";
import { leakWatch, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { Checks, type ChecksOptions } from "./checks.ts";
import { collect, executorFolder, outcomeOf, startExecutor } from "./testing/executor.ts";

const wildAgent = new URL("./testing/wild-agent.mjs", import.meta.url).pathname;
const count = async (path: string) => (await readFile(path, "utf8").catch(() => "")).length;
const never = new AbortController().signal;
const result = (command: string): CheckResult => ({
  command,
  outcome: { kind: "exited", exitCode: 0 },
  passed: true,
  output: `of ${command}`,
  outputTruncated: false,
  durationMs: 1,
});
const open = async (folder: string, more: Partial<ChecksOptions> = {}) => {
  const ran: string[] = [];
  const checks = await Checks.open({
    folder,
    run: async ({ command }) => {
      ran.push(command);
      return result(command);
    },
    endLeft: async () => {},
    keep: (work) => work(),
    ...more,
  });
  return { checks, ran, ask: (checkId: string, command: string) => checks.check({ checkId, command, timeoutMs: 1000 }, never) };
};

describe("a check with an id", () => {
  it("runs once, for who asks twice at a time, and again later", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    const input = { checkId: "c1", command: "printf x >> ran; timeout 0.2 tail -f /dev/null; echo done; exit 3" };
    const [first, second] = await Promise.all([executor.ask("POST", "/check", input), executor.ask("POST", "/check", input)]);
    expect(first).toMatchObject({ status: 200, json: { passed: false, output: "done\n", outcome: { exitCode: 3 } } });
    expect(second.json).toEqual(first.json);
    expect((await executor.ask("POST", "/check", input)).json).toEqual(first.json);
    expect(await count(folder.join("workspace/ran"))).toBe(1);
    await executor.ask("POST", "/check", { ...input, checkId: "c2" });
    await executor.ask("POST", "/check", { command: input.command });
    expect(await count(folder.join("workspace/ran"))).toBe(3);
    expect(await executor.ask("POST", "/check", { checkId: "c1", command: "true" })).toMatchObject({
      status: 409,
      json: { error: { code: "conflict", message: expect.stringContaining("another command") } },
    });
  });

  it("goes on when the connection is lost, and keeps its result over a kill; one without an id ends", async () => {
    await using folder = await executorFolder();
    const command = (name: string) =>
      `printf x >> ${name}-began; until [ -e go ]; do timeout 0.02 tail -f /dev/null; done; printf x >> ${name}`;
    const input = { checkId: "c", command: command("kept") };
    {
      await using executor = await startExecutor({ folder });
      const leaving = new AbortController();
      const lost = [input, { command: command("lost") }].map((body) =>
        executor.ask("POST", "/check", body, { signal: leaving.signal }).catch(() => "left"),
      );
      for (const name of ["kept-began", "lost-began"]) {
        await waitFor(() => count(folder.join(`workspace/${name}`)), { what: `${name} to be there` });
      }
      leaving.abort();
      expect(await Promise.all(lost)).toEqual(["left", "left"]);
      const again = executor.ask("POST", "/check", input);
      await waitFor(async () => !(await processes()).includes(command("lost")), { what: "the other one to be ended" });
      await writeFile(folder.join("workspace/go"), "");
      expect(await again).toMatchObject({ json: { passed: true } });
      await executor.end("SIGKILL");
    }
    await using executor = await startExecutor({ folder });
    expect(await executor.ask("POST", "/check", input)).toMatchObject({ json: { passed: true } });
    expect(await count(folder.join("workspace/kept"))).toBe(1);
    expect(await count(folder.join("workspace/lost"))).toBe(0);
  });

  it("is ended with a killed executor's successor, and runs anew when it is asked for again", async () => {
    await using folder = await executorFolder();
    const held = folder.join("held");
    await writeFile(held, "");
    const input = { checkId: "c", command: `printf x >> ran; [ -e go ] || exec tail -f ${held}` };
    {
      await using executor = await startExecutor({ folder });
      void executor.ask("POST", "/check", input).catch(() => {});
      await waitFor(() => count(folder.join("workspace/ran")), { what: "the check to be at work" });
      await executor.end("SIGKILL");
    }
    {
      await using executor = await startExecutor({ folder });
      await waitFor(async () => !(await processes()).includes(held), { what: "the command to be gone" });
      await writeFile(folder.join("workspace/go"), "");
      expect(await executor.ask("POST", "/check", input)).toMatchObject({ json: { passed: true } });
      expect(await count(folder.join("workspace/ran"))).toBe(2);
    }
  });

  it("does not outlive an executor that is told to end", async () => {
    await using folder = await executorFolder();
    const leaks = await leakWatch();
    const executor = await startExecutor({ folder });
    void executor.ask("POST", "/check", { checkId: "c", command: "printf x > ran; tail -f /dev/null" }).catch(() => {});
    await waitFor(() => count(folder.join("workspace/ran")), { what: "the check to be at work" });
    expect(await executor.end("SIGTERM")).toBe(143);
    await leaks.assertNothingLeft();
  });
});

describe("an interruption", () => {
  // In a session of its own, so that no signal to the command's group gets there, and deaf.
  const straggler = (name: string) =>
    `setsid bash -c 'trap "" TERM; while :; do printf x >> ${name}; timeout 0.02 tail -f /dev/null; done' > /dev/null 2>&1 &`;
  const killed = (output: string) => ({ passed: false, outcome: { kind: "killed", signal: "SIGTERM" }, output });

  it("ends checks and all that they left running before it is answered, and that is their result", async () => {
    await using folder = await executorFolder();
    const file = (name: string) => folder.join(`workspace/${name}`);
    const input = { checkId: "c", command: `${straggler("beats")} echo begun; printf x >> ran; tail -f /dev/null` };
    const leaks = await leakWatch();
    let first: unknown;
    {
      await using executor = await startExecutor({ folder });
      await executor.ask("POST", "/check", {
        checkId: "before",
        command: `${straggler("earlier")} until [ -s earlier ]; do timeout 0.02 tail -f /dev/null; done`,
      });
      const asked = [input, { command: "echo mine; printf x >> ran; tail -f /dev/null" }].map((body) =>
        executor.ask("POST", "/check", body),
      );
      for (const name of ["beats", "earlier"]) await waitFor(() => count(file(name)), { what: `${name} to be there` });
      await waitFor(async () => (await count(file("ran"))) === 2, { what: "both checks to be at work" });
      expect((await executor.ask("POST", "/interrupt")).json).toEqual({ interrupted: true });
      const beats = await Promise.all(["beats", "earlier"].map((name) => count(file(name))));
      expect((await leaks.left()).filter((line) => /beats|earlier|tail/.test(line))).toEqual([]);
      const [named, unnamed] = await Promise.all(asked);
      expect(named).toMatchObject({ status: 200, json: { command: input.command, ...killed("begun\n") } });
      expect(unnamed).toMatchObject({ status: 200, json: killed("mine\n") });
      first = named?.json;
      expect((await executor.ask("POST", "/check", input)).json).toEqual(first);
      expect((await executor.ask("POST", "/interrupt")).json).toEqual({ interrupted: false });
      expect((await executor.ask("POST", "/check", { command: "echo $((1 + 1))" })).json).toMatchObject({ output: "2\n" });
      expect(await Promise.all(["beats", "earlier"].map((name) => count(file(name))))).toEqual(beats);
      await executor.end("SIGKILL");
    }
    await using executor = await startExecutor({ folder });
    expect((await executor.ask("POST", "/check", input)).json).toEqual(first);
    expect(await count(file("ran"))).toBe(2);
  });

  it("ends with force what does not go, and both an execution and a check", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
    const events = executor.stream("POST", "/execute", { prompt: "waits" }).then(collect);
    const asked = executor.ask("POST", "/check", {
      checkId: "c",
      command: "trap '' TERM; printf x > ran; while :; do timeout 1 tail -f /dev/null; done",
    });
    await waitFor(() => count(folder.join("workspace/ran")), { what: "the check to be at work" });
    await waitFor(async () => (await executor.ask("GET", "/health")).text.includes('"executing"'), { what: "the execution" });
    expect((await executor.ask("POST", "/interrupt")).json).toEqual({ interrupted: true });
    expect(await asked).toMatchObject({ json: { passed: false, outcome: { kind: "killed", signal: "SIGKILL" } } });
    expect(outcomeOf(await events)).toEqual({ kind: "interrupted" });
  });
});

const processes = async (): Promise<string> => {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return (await Promise.all(all.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")))).join("\n");
};

describe("Checks", () => {
  it("keeps the last 64 results, and clears away what is none", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("garbage"), "x");
    {
      const { ask, ran } = await open(folder.path);
      for (let n = 0; n < 70; n += 1) await ask(`id ${n}`, `c${n}`);
      expect(ran).toHaveLength(70);
    }
    expect(await readdir(folder.path)).toHaveLength(64);
    const { ask, ran } = await open(folder.path);
    expect(await ask("id 69", "c69")).toEqual(result("c69"));
    expect(await ask("id 6", "c6")).toEqual(result("c6"));
    expect(ran).toEqual([]);
    await ask("id 5", "c5");
    expect(ran).toEqual(["c5"]);
    await expect(ask("id 69", "other")).rejects.toMatchObject({ code: "conflict" });
  });

  it("runs again what was stored torn, and what could not be run at all", async () => {
    await using folder = await temporaryFolder();
    await (await open(folder.path)).ask("a", "c");
    const [name = ""] = await readdir(folder.path);
    await writeFile(folder.join(name), '{"checkId":"a","comm');
    let fails = true;
    const { ask } = await open(folder.path, {
      run: async ({ command }) => {
        if (fails) throw new Error("no bash");
        return { ...result(command), output: "second" };
      },
    });
    await expect(ask("a", "c")).rejects.toThrow("no bash");
    fails = false;
    expect((await ask("a", "c")).output).toBe("second");
    expect((await (await open(folder.path)).ask("a", "c")).output).toBe("second");
  });

  it("begins nothing while an interruption looks for what was left running, and counts only what it ended", async () => {
    await using folder = await temporaryFolder();
    const looking = Promise.withResolvers<void>();
    const { ask, ran, checks } = await open(folder.path, { endLeft: () => looking.promise });
    await ask("a", "before");
    const interrupted = checks.interrupt();
    const asked = ask("b", "after");
    await setImmediate();
    expect(ran).toEqual(["before"]);
    looking.resolve();
    expect(await interrupted).toBe(false);
    expect(await asked).toEqual(result("after"));
  });

  it("ends a check that is interrupted before its command was begun", async () => {
    await using folder = await temporaryFolder();
    const { ask, checks } = await open(folder.path, {
      run: async ({ command }, { interruption }) => ({ ...result(command), passed: !interruption.aborted }),
    });
    const asked = ask("a", "c");
    expect(await checks.interrupt()).toBe(true);
    expect((await asked).passed).toBe(false);
    expect(await ask("a", "c")).toEqual(await asked);
    expect((await ask("b", "c")).passed).toBe(true);
  });

  it("gives its result, and remembers it, when the disk does not take it", async () => {
    await using folder = await temporaryFolder();
    const { ask, ran } = await open(folder.path, { keep: () => Promise.reject(new Error("full")) });
    expect(await ask("a", "c")).toEqual(result("c"));
    expect(await ask("a", "c")).toEqual(result("c"));
    expect(ran).toEqual(["c"]);
  });
});
