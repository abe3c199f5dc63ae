import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { expect, test } from "vitest";
import { leftovers } from "./leftovers.mjs";

test("finds processes and files that a run left, and nothing once they are gone", async () => {
  await using folder = await temporaryFolder();
  const mark = `CCR_TEST_RUN=${randomUUID()}`;
  const run = { mark, folder: folder.path };
  await mkdir(folder.join("node-compile-cache"));
  expect(await leftovers(run)).toEqual([]);

  await writeFile(folder.join("forgotten"), "");
  const [name = "", value = ""] = mark.split("=");
  const child = spawn("sleep", ["432"], { env: { ...process.env, [name]: value } });
  await once(child, "spawn");
  expect(await leftovers(run)).toEqual([`process ${child.pid}: sleep 432`, `file ${folder.join("forgotten")}`]);

  child.kill("SIGKILL");
  await once(child, "close");
  await rm(folder.join("forgotten"));
  expect(await leftovers(run)).toEqual([]);
});
