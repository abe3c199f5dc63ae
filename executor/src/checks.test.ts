import { readdir, readFile, writeFile } from "node:fs/promises";
import type { CheckResult } from "@ccr/protocol";
import { leakWatch, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { Checks, type ChecksOptions } from "./checks.ts";
import { executorFolder, startExecutor } from "./testing/executor.ts";

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
    keep: (work) => work(),
    ...more,
  });
  return { ran, ask: (checkId: string, command: string) => checks.check({ checkId, command, timeoutMs: 1000 }, never) };
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
      expect(await processes()).not.toContain(held);
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

  it("gives its result, and remembers it, when the disk does not take it", async () => {
    await using folder = await temporaryFolder();
    const { ask, ran } = await open(folder.path, { keep: () => Promise.reject(new Error("full")) });
    expect(await ask("a", "c")).toEqual(result("c"));
    expect(await ask("a", "c")).toEqual(result("c"));
    expect(ran).toEqual(["c"]);
  });
});
