import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { CheckInput } from "@ccr/protocol";
import { leakWatch, pinnedNode, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { type CheckOptions, runCheck } from "./check.ts";

const never = new AbortController().signal;
const check = async (
  command: string,
  {
    timeoutMs,
    env = {},
    ...signals
  }: { timeoutMs?: number; env?: Record<string, string> } & Partial<Pick<CheckOptions, "signal" | "interruption">> = {},
) => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("w"));
  return await runCheck(CheckInput.parse({ command, ...(timeoutMs === undefined ? {} : { timeoutMs }) }), {
    workspace: folder.join("w"),
    env: { PATH: process.env.PATH ?? "", ...env },
    signal: never,
    interruption: never,
    ...signals,
  });
};

describe("runCheck", () => {
  it("tells the exit code, and passes with 0 alone", async () => {
    expect(await check("exit 0")).toMatchObject({
      passed: true,
      outcome: { kind: "exited", exitCode: 0 },
      output: "",
      outputTruncated: false,
    });
    expect(await check("exit 3")).toMatchObject({ passed: false, outcome: { kind: "exited", exitCode: 3 } });
    expect(await check("no-such-command")).toMatchObject({
      passed: false,
      outcome: { kind: "exited", exitCode: 127 },
      output: expect.stringContaining("not found"),
    });
  });

  it("keeps output and errors in the order in which they were written", async () => {
    const { output } = await check("for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done");
    expect(output).toBe([1, 2, 3, 4, 5].map((i) => `out ${i}\nerr ${i}\n`).join(""));
  });

  it("runs in the workspace with exactly the environment it was given", async () => {
    const { output } = await check('basename "$PWD"; env | cut -d= -f1 | sort | tr "\\n" " "', { env: { ONE: "1" } });
    expect(output).toBe("w\nONE PATH PWD SHLVL _ ");
  });

  it("takes the command as it is: quotes, newlines, dollar signs, several lines", async () => {
    expect((await check(`printf '%s' "a'b" '$HOME'\nprintf '%s' "\`echo x\`"`)).output).toBe("a'b$HOMEx");
  });

  it("tells a signal", async () => {
    expect(await check("kill -9 $$")).toMatchObject({ passed: false, outcome: { kind: "killed", signal: "SIGKILL" } });
  });

  it("ends the whole group when the time is up, also what ignores SIGTERM", async () => {
    const leaks = await leakWatch();
    const result = await check("trap '' TERM; (trap '' TERM; tail -f /dev/null) & tail -f /dev/null; tail -f /dev/null", {
      timeoutMs: 200,
    });
    expect(result).toMatchObject({ passed: false, outcome: { kind: "timed_out" } });
    expect(result.durationMs).toBeGreaterThanOrEqual(200);
    expect(result.durationMs).toBeLessThan(10_000);
    await leaks.assertNothingLeft();
  });

  it("gives what was written before the time was up", async () => {
    expect(await check("echo before; tail -f /dev/null", { timeoutMs: 500 })).toMatchObject({ output: "before\n" });
  });

  it("does not wait for what a command left running, and ends it", async () => {
    const leaks = await leakWatch();
    const result = await check("tail -f /dev/null & echo done");
    expect(result).toMatchObject({ passed: true, output: "done\n" });
    expect(result.durationMs).toBeLessThan(5_000);
    await leaks.assertNothingLeft();
  });

  it("bounds its output, however much comes", async () => {
    const { output, outputTruncated, passed } = await check(
      "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last",
    );
    expect(passed).toBe(true);
    expect(outputTruncated).toBe(true);
    expect(output.length).toBeLessThan(300_000);
    expect(output.startsWith("first\nxxx")).toBe(true);
    expect(output.endsWith("xxx\nlast\n")).toBe(true);
    expect(output).toContain("bytes were cut out here");
  });

  it("survives output that is no text", async () => {
    expect((await check("printf 'a\\377\\000b'")).output).toBe("a\ufffd\0b");
  });

  it("ends the command when nobody waits for it", async () => {
    const leaks = await leakWatch();
    const leaving = new AbortController();
    const running = check("tail -f /dev/null", { signal: leaving.signal });
    const failed = expect(running).rejects.toMatchObject({ code: "timeout" });
    await waitFor(async () => (await leaks.left()).some((line) => line.includes("tail -f")), { what: "the command to run" });
    leaving.abort();
    await failed;
    await leaks.assertNothingLeft();
  });

  it("tells an interrupted command as killed, whatever it makes of the signal, with what it wrote", async () => {
    const leaks = await leakWatch();
    const interrupt = new AbortController();
    const running = check("trap 'exit 0' TERM; echo before; (tail -f /dev/null) & wait", { interruption: interrupt.signal });
    await waitFor(async () => (await leaks.left()).some((line) => line.includes("tail -f")), { what: "the command to run" });
    interrupt.abort();
    expect(await running).toMatchObject({
      passed: false,
      outcome: { kind: "killed", signal: "SIGTERM" },
      output: "before\n",
    });
    await leaks.assertNothingLeft();
  });

  it("does not begin a command that was interrupted before", async () => {
    expect(await check("echo begun", { interruption: AbortSignal.abort() })).toMatchObject({
      command: "echo begun",
      passed: false,
      outcome: { kind: "killed" },
      output: "",
    });
  });

  it("says that bash cannot be started, and ends nobody else for it", async () => {
    await using folder = await temporaryFolder();
    // In a group of its own: what goes wrong here would end everything that is in the same one.
    const module = JSON.stringify(new URL("./check.ts", import.meta.url).href);
    const program = `
      const { runCheck } = await import(${module});
      const never = new AbortController().signal;
      const options = { workspace: ${JSON.stringify(folder.path)}, env: { PATH: "/nonexistent" }, signal: never, interruption: never };
      await runCheck({ command: "true", timeoutMs: 1000 }, options).catch(({ message }) => console.log(message));
    `;
    const child = spawn(pinnedNode, ["--input-type=module", "-e", program], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed, [code]] = await Promise.all([child.stdout.setEncoding("utf8").toArray(), once(child, "exit")]);
    expect({ printed: printed.join(""), code }).toEqual({ printed: "bash cannot be started: spawn bash ENOENT\n", code: 0 });
  });

  it("says that there is no workspace", async () => {
    const options = { workspace: "/nonexistent/workspace", env: {}, signal: never, interruption: never };
    await expect(runCheck(CheckInput.parse({ command: "true" }), options)).rejects.toMatchObject({ code: "conflict" });
  });
});
