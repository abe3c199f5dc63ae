import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { CHECK_OUTPUT_MAX_BYTES, CheckResult } from "@ccr/protocol";
import { type TemporaryFolder, temporaryFolder, waitFor } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import { OutputFile } from "./check-output.ts";
import { executorFolder, startExecutor, type TestExecutor } from "./testing/executor.ts";

const run = promisify(execFile);
const mayMount = process.getuid?.() === 0;
const MIB = 1024 * 1024;

const kept = async (folder: TemporaryFolder): Promise<string[]> =>
  (await readdir(folder.join("spool/checks"))).filter((name) => !name.endsWith(".json"));
const outputOf = (executor: TestExecutor, checkId: string) => executor.ask("GET", `/check-output?checkId=${checkId}`);
/** Prints so many different lines of eight characters. */
const lines = (count: number) => `seq -f %07.0f ${count}`;
const printed = (count: number) =>
  Array.from({ length: count }, (_, index) => `${String(index + 1).padStart(7, "0")}\n`).join("");
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

describe("the whole output of a check", () => {
  it("is there when its result has only the head and the tail, also after a kill", async () => {
    await using folder = await executorFolder();
    const input = { checkId: "c", command: `${lines(640 * 1024)}; echo last >&2; exit 3` };
    const whole = `${printed(640 * 1024)}last\n`;
    {
      await using executor = await startExecutor({ folder });
      const { json } = await executor.ask("POST", "/check", input);
      expect(json).toMatchObject({ outputTruncated: true, passed: false, outcome: { exitCode: 3 } });
      const { output } = CheckResult.parse(json);
      expect(output.startsWith(whole.slice(0, 128 * 1024))).toBe(true);
      expect(output.endsWith(whole.slice(-128 * 1024))).toBe(true);
      const { status, headers, text } = await outputOf(executor, "c");
      expect({ status, length: headers["content-length"] }).toEqual({ status: 200, length: String(whole.length) });
      expect(digest(text)).toBe(digest(whole));
      await executor.end("SIGKILL");
    }
    await using executor = await startExecutor({ folder });
    expect(digest((await outputOf(executor, "c")).text)).toBe(digest(whole));
    expect(await executor.ask("POST", "/check", input)).toMatchObject({ json: { outputTruncated: true } });
  });

  it("is cut at a limit, with a line that says so", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    const command = `yes | head -c ${CHECK_OUTPUT_MAX_BYTES + 5 * MIB}`;
    expect(await executor.ask("POST", "/check", { checkId: "c", command })).toMatchObject({ json: { passed: true } });
    const { text } = await outputOf(executor, "c");
    expect(text.slice(0, CHECK_OUTPUT_MAX_BYTES) === "y\n".repeat(CHECK_OUTPUT_MAX_BYTES / 2)).toBe(true);
    expect(text.slice(CHECK_OUTPUT_MAX_BYTES)).toBe("\n[… the rest is not kept: the output is longer than 64 MiB …]\n");
  });

  it("is not kept when the result has all of it, or the check has no id", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    await executor.ask("POST", "/check", { checkId: "c", command: "echo little" });
    await executor.ask("POST", "/check", { command: lines(100_000) });
    expect(await kept(folder)).toEqual([]);
    expect(await outputOf(executor, "c")).toMatchObject({ status: 404, json: { error: { code: "not_found" } } });
    expect(await outputOf(executor, "..%2F..%2Fstate")).toMatchObject({ status: 404 });
    expect(await executor.ask("GET", "/check-output")).toMatchObject({ status: 400 });
  });

  it("is kept of a check whose time was up", async () => {
    await using folder = await executorFolder();
    await using executor = await startExecutor({ folder });
    const input = { checkId: "c", command: `${lines(100_000)}; tail -f /dev/null`, timeoutMs: 1500 };
    expect(await executor.ask("POST", "/check", input)).toMatchObject({ json: { outcome: { kind: "timed_out" } } });
    expect((await outputOf(executor, "c")).text).toBe(printed(100_000));
  });

  it("goes with its result, and half of one with a kill", async () => {
    await using folder = await executorFolder();
    {
      await using executor = await startExecutor({ folder });
      await executor.ask("POST", "/check", { checkId: "old", command: lines(100_000) });
      expect(await kept(folder)).toHaveLength(1);
      for (let n = 0; n < 64; n += 1) await executor.ask("POST", "/check", { checkId: `c${n}`, command: "true" });
      expect(await kept(folder)).toEqual([]);
      await executor.ask("POST", "/check", { checkId: "known", command: lines(100_000) });
      void executor.ask("POST", "/check", { checkId: "half", command: `${lines(100_000)}; tail -f /dev/null` }).catch(() => {});
      const half = async () => (await kept(folder)).find((name) => name.endsWith(".new"));
      await waitFor(
        async () => {
          const name = await half();
          return name !== undefined && (await stat(folder.join("spool/checks", name))).size === 800_000;
        },
        { what: "half of an output" },
      );
      await executor.end("SIGKILL");
      expect(await half()).toBeDefined();
      await writeFile(folder.join("spool/checks", `${"0".repeat(64)}.txt`), "of a check that nobody knows");
    }
    await using executor = await startExecutor({ folder });
    expect(await kept(folder)).toHaveLength(1);
    expect((await outputOf(executor, "known")).text).toBe(printed(100_000));
    expect(await outputOf(executor, "half")).toMatchObject({ status: 404 });
  });

  it("makes room for later ones", async () => {
    await using folder = await executorFolder();
    {
      await using executor = await startExecutor({ folder });
      for (let n = 1; n <= 5; n += 1) await executor.ask("POST", "/check", { checkId: `c${n}`, command: lines(100_000) });
    }
    await using executor = await startExecutor({ folder });
    await executor.ask("POST", "/check", { checkId: "c6", command: lines(100_000) });
    const found = async (n: number) => (await outputOf(executor, `c${n}`)).status;
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(found))).toEqual([404, 404, 200, 200, 200, 200]);
  });

  it.skipIf(!mayMount)(
    "takes nothing from a check when the disk is full, and leaves its room (needs root, to mount a small disk)",
    async () => {
      await using folder = await executorFolder();
      await mkdir(folder.join("spool"));
      await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder.join("spool")]);
      try {
        const input = { checkId: "c", command: `${lines(1024 * 1024)}; echo last` };
        {
          await using executor = await startExecutor({ folder });
          const answer = await executor.ask("POST", "/check", input);
          expect(answer).toMatchObject({ json: { passed: true, outputTruncated: true } });
          expect(CheckResult.parse(answer.json).output.endsWith("1048576\nlast\n")).toBe(true);
          expect(await outputOf(executor, "c")).toMatchObject({ status: 404 });
          expect(await kept(folder)).toEqual([]);
          await executor.end("SIGKILL");
        }
        await using executor = await startExecutor({ folder });
        expect(await executor.ask("POST", "/check", { ...input })).toMatchObject({ json: { passed: true } });
      } finally {
        await run("umount", [folder.join("spool")]);
      }
    },
  );
});

describe("OutputFile", () => {
  it("lets who prints wait for the disk, and loses nothing", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("o.txt");
    const whole = new OutputFile(path);
    const chunk = Buffer.alloc(MIB, "x");
    let waited = 0;
    for (let n = 0; n < 20; n += 1) {
      if (whole.add(chunk)) continue;
      waited += 1;
      await whole.caughtUp();
    }
    await whole.end(true);
    expect(waited).toBeGreaterThan(0);
    expect((await readFile(path)).length).toBe(20 * MIB);
    expect(await readdir(folder.path)).toEqual(["o.txt"]);
  });

  it("removes what is not wanted, also what an earlier one of its name left", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("o.txt");
    await writeFile(path, "earlier");
    const whole = new OutputFile(path);
    whole.add(Buffer.from("later"));
    await whole.end(false);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("ends quietly where nothing can be written", async () => {
    await using folder = await temporaryFolder();
    const whole = new OutputFile(folder.join("nowhere/o.txt"));
    whole.add(Buffer.from("x"));
    await whole.caughtUp();
    whole.add(Buffer.from("y"));
    await whole.end(true);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
