import { expect, test } from "vitest";
import { readStats } from "./usage.ts";

test("reads the engine's figures under either version of control groups", () => {
  const cpu_stats = { cpu_usage: { total_usage: 1_500_000_000 } };
  const pids_stats = { current: 7 };
  const one = { usage: 10_000, stats: { total_inactive_file: 4_000, inactive_file: 1 } };
  const two = { usage: 10_000, stats: { inactive_file: 4_000 } };
  const expected = { cpuMs: 1500, memoryBytes: 6_000, processes: 7 };
  expect(readStats({ cpu_stats, pids_stats, memory_stats: one })).toEqual(expected);
  expect(readStats({ cpu_stats, pids_stats, memory_stats: two })).toEqual(expected);
});

test("has no figures of a container that does not run, and leaves out what an engine does not tell", () => {
  expect(readStats({ cpu_stats: { cpu_usage: { total_usage: 0 } }, memory_stats: {}, pids_stats: {} })).toBeNull();
  expect(readStats({ pids_stats: { current: 3 } })).toEqual({ cpuMs: null, memoryBytes: null, processes: 3 });
});
