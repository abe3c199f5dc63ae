import { InstanceId, RunLimits, type SandboxUsage } from "@ccr/protocol";
import { expect, test } from "vitest";
import { metersOf, processorsBetween, withLook } from "./usage.ts";

const at = (second: number): string => new Date(Date.parse("2026-11-27T10:00:00.000Z") + second * 1000).toISOString();
const usage = (given: Partial<SandboxUsage> = {}): SandboxUsage => ({
  at: at(0),
  memoryBytes: 1024 ** 3,
  cpuMs: 1000,
  processes: 12,
  diskBytes: 5 * 1024 ** 2,
  ...given,
});
const limits = RunLimits.parse({ memoryMb: 4096, cpus: 2 });

test("processors at work are told between two looks, and not across a new beginning", () => {
  expect(processorsBetween(usage(), usage({ at: at(2), cpuMs: 4000 }))).toBe(1.5);
  expect(processorsBetween(undefined, usage())).toBeNull();
  expect(processorsBetween(usage({ cpuMs: 9000 }), usage({ at: at(2), cpuMs: 10 }))).toBeNull();
  expect(processorsBetween(usage(), usage())).toBeNull();
});

test("tells shares of the limits, and leaves out what is not known", () => {
  const all = metersOf({ usage: usage({ at: at(2), cpuMs: 2000 }), before: usage() }, limits);
  expect(all.map(({ name, text, limit, share }) => [name, text, limit, share])).toEqual([
    ["CPU", "50%", "of 200%", 0.25],
    ["Memory", "1.0 GB", "of 4.0 GB", 0.25],
    ["Disk", "5.0 MB", "of 20 GB", 5 / (20 * 1024)],
    ["Processes", "12", "of 1,024", 12 / 1024],
  ]);
  const some = metersOf({ usage: usage({ memoryBytes: null, diskBytes: null, cpuMs: null }), before: undefined }, limits);
  expect(some.map(({ name }) => name)).toEqual(["Processes"]);
  expect(metersOf({ usage: usage(), before: undefined }, limits)[0]).toMatchObject({ text: "measuring", share: null });
});

test("keeps two looks, takes the same answer for one, and forgets who is gone", () => {
  const id = InstanceId.parse("inst_0123456789");
  const first = withLook(new Map(), [{ id, usage: usage() }]);
  const again = withLook(first, [{ id, usage: usage() }]);
  expect(again.get(id)?.before).toBeUndefined();
  const second = withLook(again, [{ id, usage: usage({ at: at(2) }) }]);
  expect(second.get(id)?.before?.at).toBe(at(0));
  expect(withLook(second, [{ id, usage: null }]).size).toBe(0);
  expect(withLook(second, []).size).toBe(0);
});
