import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SpoolEvent } from "@ccr/protocol";
import { leakWatch, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { assertNoGap, collect, executorFolder, outcomeOf, startExecutor, type TestExecutor } from "./testing/executor.ts";

const wildAgent = fileURLToPath(new URL("./testing/wild-agent.mjs", import.meta.url));

const play = async (act: string, input: object = {}) => {
  await using folder = await executorFolder();
  await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
  const events = await collect(await executor.stream("POST", "/execute", { prompt: act, ...input }));
  assertNoGap(events, 1);
  const peak = await peakMegabytes(executor);
  return { events, outcome: outcomeOf(events), peak, said: said(events), stderr: executor.stderr() };
};
const peakMegabytes = async ({ child }: TestExecutor): Promise<number> => {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
};
const said = (events: readonly SpoolEvent[]) =>
  events.filter(({ source }) => source === "agent").map(({ body }) => JSON.stringify(body));

describe("an agent that misbehaves", () => {
  it("floods: nothing is lost, and the memory stays bounded", async () => {
    const { events, outcome, peak } = await play("flood");
    expect(outcome).toEqual({ kind: "completed", text: "done" });
    const texts = events.flatMap(({ body }) => (body.type === "assistant" ? [JSON.stringify(body)] : []));
    expect(texts).toHaveLength(50_000);
    texts.forEach((text, index) => {
      if (!text.includes(`"message ${index} x`)) throw new Error(`message ${index} is not in its place`);
    });
    expect(peak).toBeLessThan(700);
  });

  it("writes a line of 64 MB", async () => {
    const { events, outcome } = await play("line");
    expect(outcome).toEqual({ kind: "completed", text: "done" });
    expect(Math.max(...events.map((event) => JSON.stringify(event).length))).toBeGreaterThan(64 * 1024 * 1024);
  });

  it("writes noise between its messages", async () => {
    const { outcome, said } = await play("noise");
    expect(outcome).toEqual({ kind: "completed", text: "through the noise" });
    expect(said.some((text) => text.includes("after a BOM"))).toBe(true);
    expect(said.some((text) => text.includes('"brand_new"') && text.includes('"deep":[1]'))).toBe(true);
  });

  it("writes JSON that is too deep to be written again", async () => {
    const { outcome, said } = await play("deep");
    expect(outcome).toEqual({ kind: "completed", text: "done" });
    expect(said.some((text) => text.includes('"original_type":"deep"'))).toBe(true);
  });

  it("forges results, and says more after its own", async () => {
    const { outcome, said } = await play("forged");
    expect(outcome).toEqual({ kind: "completed", text: "real" });
    expect(said.some((text) => text.includes("forged"))).toBe(true);
    expect(said.some((text) => text.includes("not an object"))).toBe(true);
  });

  it("ends with 0 within a line and without a result", async () => {
    const { outcome } = await play("exit0");
    expect(outcome).toMatchObject({ kind: "failed", code: "agent_exited", message: expect.stringContaining("exit code 0") });
  });

  it("ends with an error, whose last words are told", async () => {
    const { outcome } = await play("exit7");
    expect(outcome).toMatchObject({
      code: "agent_exited",
      message: expect.stringMatching(/exit code 7.*something terrible happened/s),
    });
  });

  it("closes its output and lives on, deaf to SIGTERM", async () => {
    const leaks = await leakWatch();
    expect((await play("close")).outcome).toMatchObject({ kind: "failed", code: "agent_exited" });
    await leaks.assertNothingLeft();
  });

  it("says nothing, and obeys neither an interruption nor SIGTERM", async () => {
    const leaks = await leakWatch();
    expect((await play("deaf", { stallTimeoutMs: 1_000 })).outcome).toMatchObject({ code: "agent_stalled" });
    await leaks.assertNothingLeft();
  });
});

const run = promisify(execFile);
const mayMount = process.getuid?.() === 0;

describe("a full disk", () => {
  it.skipIf(!mayMount)(
    "ends the execution with a clear reason, keeps what was written, and goes on when there is room (needs root, to mount a small disk)",
    async () => {
      await using folder = await executorFolder();
      await mkdir(folder.join("spool"));
      await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder.join("spool")]);
      try {
        await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
        const events = await collect(await executor.stream("POST", "/execute", { prompt: "flood" }));
        assertNoGap(events, 1);
        expect(events.length).toBeGreaterThan(1000);
        expect(outcomeOf(events)).toMatchObject({ kind: "failed", code: "disk_full", message: expect.stringContaining("disk") });
        expect(await executor.ask("POST", "/execute", { prompt: "forged" })).toMatchObject({
          status: 507,
          json: { error: { code: "disk_full", message: expect.stringContaining("full") } },
        });
        expect(await collect(await executor.stream("GET", "/execute"))).toEqual(events);
        await run("mount", ["-o", "remount,size=16m", folder.join("spool")]);
        const next = await collect(await executor.stream("POST", "/execute", { prompt: "forged" }));
        expect(outcomeOf(next)).toMatchObject({ kind: "completed" });
        assertNoGap(await collect(await executor.stream("GET", "/execute")), 1);
      } finally {
        await run("umount", ["-l", folder.join("spool")]);
      }
    },
  );

  it.skipIf(!mayMount)("owes the end of an execution until it can be written (needs root, to mount a small disk)", async () => {
    await using folder = await executorFolder();
    await mkdir(folder.join("spool"));
    await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder.join("spool")]);
    try {
      await using executor = await startExecutor({ folder, env: { EXECUTOR_CLAUDE: wildAgent } });
      const stream = await executor.stream("POST", "/execute", { prompt: "verbose", executionId: "owed" });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await waitFor(async () => (await readFile(folder.join("spool/spool-000000000001.ndjson"), "utf8")).includes('"init"'), {
        what: "the agent to be at work",
      });
      await rm(folder.join("spool/reserve"));
      await writeFile(folder.join("spool/filler"), Buffer.alloc(4 * 1024 * 1024)).catch(() => {});
      await writeFile(folder.join("workspace/go"), "");
      await expect(
        (async () => {
          while ((await iterator.next()).done !== true);
        })(),
      ).rejects.toThrow(/aborted|socket hang up|terminated/);
      expect(await executor.ask("GET", "/execute?after=2")).toMatchObject({ status: 507 });
      await rm(folder.join("spool/filler"));
      const next = await collect(await executor.stream("POST", "/execute", { prompt: "forged" }));
      expect(outcomeOf(next)).toMatchObject({ kind: "completed" });
      const owed = await collect(await executor.stream("POST", "/execute", { prompt: "verbose", executionId: "owed" }));
      expect(outcomeOf(owed)).toMatchObject({ kind: "failed", code: "agent_exited" });
    } finally {
      await run("umount", ["-l", folder.join("spool")]);
    }
  });
});
