import { execFile } from "node:child_process";
import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { temporaryFolder } from "@ccr/testkit";
import { expect, it } from "vitest";
import { diskUsage } from "./disk.ts";

const kib = (count: number) => Buffer.alloc(count * 1024, 1);

it("counts what du counts: nested folders, holes as nothing, several names of a file once, links as themselves", async () => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("a", "b"), { recursive: true });
  await writeFile(folder.join("a", "b", "file"), kib(300));
  await link(folder.join("a", "b", "file"), folder.join("a", "again"));
  await symlink("/usr", folder.join("a", "link"));
  await promisify(execFile)("truncate", ["-s", "1G", folder.join("a", "hole")]);
  const { stdout } = await promisify(execFile)("du", ["-s", "-B1", folder.path]);
  const measured = await diskUsage([folder.path]);
  expect(Math.abs(measured - Number.parseInt(stdout, 10))).toBeLessThan(4 * 1024);
  expect(measured).toBeGreaterThan(300 * 1024);
  expect(measured).toBeLessThan(400 * 1024);
});

it("counts each of many empty files", async () => {
  await using folder = await temporaryFolder();
  for (let index = 0; index < 200; index++) await writeFile(folder.join(String(index)), "");
  expect(await diskUsage([folder.path])).toBeGreaterThanOrEqual(200 * 1024);
});

it("stops at the most entries it may look at", async () => {
  await using folder = await temporaryFolder();
  for (let index = 0; index < 200; index++) await writeFile(folder.join(String(index)), kib(4));
  expect(await diskUsage([folder.path], { maxEntries: 50 })).toBeLessThan(120 * 4096);
});

it("finds nothing in what is not there", async () => {
  expect(await diskUsage(["/nonexistent/folder"])).toBe(0);
});
