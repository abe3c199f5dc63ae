import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { leakWatch } from "./leaks.ts";
import { pinnedNode, projectRoot } from "./paths.ts";
import { waitFor } from "./wait.ts";

test("finds a process and a folder that are left, and nothing once they are gone", async () => {
  const watch = await leakWatch();
  const folder = await temporaryFolder();
  const child = spawn("sleep", ["321"]);
  await waitFor(async () => (await watch.left()).some((line) => line.includes("sleep 321")));
  await expect(watch.assertNothingLeft({ timeoutMs: 10 })).rejects.toThrow(/process \d+: sleep 321[\s\S]*folder /);
  child.kill("SIGKILL");
  await folder[Symbol.asyncDispose]();
  await watch.assertNothingLeft();
});

test("finds a daemon that left its parent", async () => {
  const watch = await leakWatch();
  const launcher = spawn("sh", ["-c", "setsid sleep 654 & echo $!"], { stdio: ["ignore", "pipe", "ignore"] });
  const output = await new Promise<string>((resolve) => launcher.stdout.once("data", (chunk: Buffer) => resolve(String(chunk))));
  const line = await waitFor(async () => (await watch.left()).find((entry) => entry.includes("sleep 654")));
  process.kill(Number(/process (\d+)/.exec(line)?.[1] ?? output), "SIGKILL");
  await watch.assertNothingLeft();
});

test("the pinned node and the project root exist", () => {
  expect(existsSync(pinnedNode)).toBe(true);
  expect(existsSync(`${projectRoot}/package.json`)).toBe(true);
});
