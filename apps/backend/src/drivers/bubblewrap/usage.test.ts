import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { groupMemory, parseUse } from "./usage.ts";

test("reads the processor time and the memory of a process whose name is no help", () => {
  const stat = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 1 0 12345 1000 200";
  expect(parseUse(stat, "1000 256 100 1 0 50 0\n")).toEqual({ cpuMs: 2500, memoryBytes: 256 * 4096 });
  expect(parseUse("", "")).toBeNull();
});

test("reads what the kernel tells of this very process", async () => {
  const use = parseUse(await readFile("/proc/self/stat", "utf8"), await readFile("/proc/self/statm", "utf8"));
  expect(use?.cpuMs).toBeGreaterThan(0);
  expect(use?.memoryBytes).toBeGreaterThan(1024 * 1024);
});

test.each([
  ["5000\n", "anon 3000\ninactive_file 1500\n", 3500],
  ["5000\n", "inactive_file 1\ntotal_inactive_file 2000\n", 4999],
  ["5000\n", "", 5000],
  ["1000\n", "inactive_file 1500\n", 0],
  ["max\n", "inactive_file 1\n", null],
  ["", "", null],
])("takes from a group's memory what is only kept in case (%j, %j)", (current, stat, expected) => {
  expect(groupMemory(current, stat)).toBe(expected);
});
