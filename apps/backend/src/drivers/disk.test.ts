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
  // An entry counts also where the file system says that it takes nothing, as one in memory does.
  expect(Math.abs(measured - Number.parseInt(stdout, 10))).toBeLessThan(8 * 1024);
  expect(measured).toBeGreaterThan(300 * 1024);
  expect(measured).toBeLessThan(400 * 1024);
});

it("counts each of many empty files", async () => {
  await using folder = await temporaryFolder();
  for (let index = 0; index < 200; index++) await writeFile(folder.join(String(index)), "");
  expect(await diskUsage([folder.path])).toBeGreaterThanOrEqual(200 * 1024);
});

it("counts more entries than it may look at as infinitely much: empty files must not hide a large one", async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.join("large"), kib(400));
  for (let index = 0; index < 200; index++) await writeFile(folder.join(`z${index}`), "");
  expect(await diskUsage([folder.path], { maxEntries: 50 })).toBe(Number.POSITIVE_INFINITY);
  expect(await diskUsage([folder.path], { maxEntries: 201 })).toBe(Number.POSITIVE_INFINITY);
  // The folder itself counts too.
  expect(await diskUsage([folder.path], { maxEntries: 202 })).toBeLessThan(700 * 1024);
});

it("sees what is in a folder whose name is no UTF-8", async () => {
  await using folder = await temporaryFolder();
  const odd = Buffer.concat([Buffer.from(folder.join("")), Buffer.from([0x2f, 0xff, 0xfe])]);
  await mkdir(odd);
  await writeFile(Buffer.concat([odd, Buffer.from("/ünder")]), kib(300));
  expect(await diskUsage([folder.path])).toBeGreaterThan(300 * 1024);
});

it("counts what is nested too deeply to be looked at as infinitely much", async () => {
  await using folder = await temporaryFolder();
  const name = "x".repeat(250);
  const nest = `const { mkdirSync } = require("node:fs"); for (let i = 0; i < 20; i++) { mkdirSync("${name}"); process.chdir("${name}"); }`;
  await promisify(execFile)(process.execPath, ["-e", nest], { cwd: folder.path });
  try {
    expect(await diskUsage([folder.path])).toBe(Number.POSITIVE_INFINITY);
  } finally {
    // Node's own removal works with whole paths, which are too long here.
    await promisify(execFile)("rm", ["-rf", folder.join(name)]);
  }
});

it("finds nothing in what is not there", async () => {
  expect(await diskUsage(["/nonexistent/folder"])).toBe(0);
});
