import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { intoMemory, sizeFrom } from "./memory-disk.mjs";

const TMPFS = 0x01021994;

test("takes half of the memory that is available, and none where that is little or not told", () => {
  const meminfo = (kib: number) => `MemTotal:       99999999 kB\nMemFree:         1 kB\nMemAvailable:   ${kib} kB\n`;
  expect(sizeFrom(meminfo(20 * 1024 ** 2))).toBe(10 * 1024 ** 3);
  expect(sizeFrom(meminfo(15 * 1024 ** 2))).toBe(0);
  expect(sizeFrom("")).toBe(0);
});

test("a folder is in memory until it is taken off, with what was in it, or stays as it is", () => {
  const folder = mkdtempSync(join(tmpdir(), "memory-disk-"));
  try {
    const before = statfsSync(folder).type;
    const takeOff = intoMemory(folder);
    writeFileSync(join(folder, "file"), "x");
    expect(statfsSync(folder).type).toBe(takeOff === null ? before : TMPFS);
    takeOff?.();
    expect(readdirSync(folder)).toEqual(takeOff === null ? ["file"] : []);
    expect(statfsSync(folder).type).toBe(before);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
