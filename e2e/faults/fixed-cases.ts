import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pinnedNode, projectRoot, waitFor } from "@ccr/testkit";
import { z } from "zod";
import { removeControlGroups } from "./left.ts";
import { describeProcesses, killAll } from "./processes.ts";

const GONE_WITHIN_MS = 5_000;

// What the project's reporter of vitest counts: see `scripts/testing`.
const Totals = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.array(z.object({ name: z.string(), why: z.string() })),
  failures: z.array(z.string()),
});

/** What came of the fixed cases. `isWell`: whether each that could be run passed. */
export type CaseTotals = z.infer<typeof Totals> & { isWell: boolean; summary: string };

/** The files of the suite's fixed cases: all but those that run a campaign, and the cases of several servers and of a server that is away. */
export const fixedCases = async (): Promise<string[]> => {
  const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".test.ts") && name !== "bounded.test.ts");
  const others = ["servers", "machines", "away"].map((name) => `e2e/${name}.test.ts`);
  return [...files.sort().map((name) => `e2e/faults/${name}`), ...others];
};

/** Runs test files, with their output as ours. The signal ends them; what they had started is ended then, too. */
export const runFixedCases = async (files: readonly string[], signal: AbortSignal): Promise<CaseTotals> => {
  // Short, as sockets below it want; whatever the tests start names it.
  const folder = await mkdtemp(join(await realpath(tmpdir()), "cf-"));
  try {
    const totalsFile = join(folder, "totals.json");
    const code = await runTests(files, { env: { ...process.env, TMPDIR: folder, CCR_TEST_TOTALS: totalsFile }, signal });
    const totals = await readTotals(totalsFile);
    const areGone = async () => (await describeProcesses([folder])).length === 0;
    if (!signal.aborted) await waitFor(areGone, { timeoutMs: GONE_WITHIN_MS, intervalMs: 100 }).catch(() => {});
    const left = (await describeProcesses([folder])).map((line) => `left behind: ${line}`);
    await killAll([folder]);
    await removeControlGroups(await instancesBelow(folder));
    const failures = signal.aborted ? totals.failures : [...totals.failures, ...left];
    const told = [...failures, ...totals.skipped.map(({ name, why }) => `not run: ${name}: ${why}`)];
    return {
      ...totals,
      failures,
      isWell: code === 0 && failures.length === 0,
      summary: [`${totals.passed} passed, ${failures.length} failed`, ...told].join("\n  "),
    };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
};

const instancesBelow = async (folder: string): Promise<string[]> => {
  const paths = await readdir(folder, { recursive: true });
  return [...new Set(paths.flatMap((path) => /\/instances\/(inst_\w+)$/.exec(path)?.[1] ?? []))];
};

const runTests = async (
  files: readonly string[],
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<number | null> => {
  const vitest = join(projectRoot, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(pinnedNode, [vitest, "run", ...files], { cwd: projectRoot, env, stdio: "inherit" });
  // Ctrl-C in a terminal has reached it already.
  const end = () => process.stdin.isTTY !== true && child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  await once(child, "close");
  signal.removeEventListener("abort", end);
  return child.exitCode;
};

const readTotals = async (file: string): Promise<z.infer<typeof Totals>> => {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text !== null) return Totals.parse(JSON.parse(text));
  return { passed: 0, failed: 1, skipped: [], failures: ["the tests ended before they had told what came of them"] };
};
