import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pinnedNode, temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { withLock } from "./lock.mjs";

const lockModule = join(import.meta.dirname, "lock.mjs");
const script = (body: string) => `import { appendFileSync, readFileSync } from "node:fs";
  import { setTimeout as delay } from "node:timers/promises";
  import { withLock } from ${JSON.stringify(lockModule)};
  const [lock, log] = process.argv.slice(1);
  ${body}`;

test("processes at once go one after the other", async () => {
  await using folder = await temporaryFolder();
  const log = folder.join("log");
  await writeFile(log, "");
  const body = script(`await withLock(lock, { waiting: () => {}, action: async () => {
    appendFileSync(log, "in ");
    await delay(30);
    appendFileSync(log, "out ");
  }});`);
  const runs = Array.from({ length: 6 }, async () => {
    const child = spawn(pinnedNode, ["--input-type=module", "-e", body, folder.join("lock"), log], { stdio: "inherit" });
    expect(await once(child, "close")).toEqual([0, null]);
  });
  await Promise.all(runs);
  expect(await readFile(log, "utf8")).toBe("in out ".repeat(6));
  expect(existsSync(folder.join("lock"))).toBe(false);
});

test("takes over from a process that was killed, and says for whom it waits before that", async () => {
  await using folder = await temporaryFolder();
  const log = folder.join("log");
  const body = script(`await withLock(lock, { waiting: () => {}, action: async () => {
    process.stdout.write("held");
    await delay(60_000);
  }});`);
  const holder = spawn(pinnedNode, ["--input-type=module", "-e", body, folder.join("lock")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const waitedFor: string[] = [];
  const waiting = (pid: string) => {
    waitedFor.push(pid);
    holder.kill("SIGKILL");
  };
  await withLock(folder.join("lock"), { waiting, action: () => appendFile(log, "in") });
  expect(waitedFor).toEqual([String(holder.pid)]);
  expect(await readFile(log, "utf8")).toBe("in");
});

test("gives the lock back when the action fails", async () => {
  await using folder = await temporaryFolder();
  const fail = () => Promise.reject(new Error("no"));
  await expect(withLock(folder.join("lock"), { waiting: () => {}, action: fail })).rejects.toThrow("no");
  expect(existsSync(folder.join("lock"))).toBe(false);
});
