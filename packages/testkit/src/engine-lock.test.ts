import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { whileLocked } from "./engine-lock.ts";
import { temporaryFolder } from "./folders.ts";

it("lets one after the other in, each to the end, and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  const order: string[] = [];
  const enter = (name: string) =>
    whileLocked(folder.join("deep", "lock"), async () => {
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      return name;
    });
  expect(await Promise.all([enter("a"), enter("b"), enter("c")])).toEqual(["a", "b", "c"]);
  for (let at = 0; at < order.length; at += 2) expect(order[at + 1]).toBe(order[at]?.replace("in", "out"));
  expect(existsSync(folder.join("deep", "lock"))).toBe(false);
});

it("is free again when what is done under it fails", async () => {
  await using folder = await temporaryFolder();
  await expect(whileLocked(folder.join("lock"), () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(await whileLocked(folder.join("lock"), async () => "in")).toBe("in");
});

it("takes the lock of a process that has died", async () => {
  await using folder = await temporaryFolder();
  const child = spawn("true");
  await once(child, "exit");
  await writeFile(folder.join("lock"), String(child.pid));
  expect(await whileLocked(folder.join("lock"), async () => "in")).toBe("in");
});
