import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { isRunning, killUntilGone, namespaceMembers, parseStat } from "./processes.ts";

it("reads number, state and start of a process, whatever its name", () => {
  const fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
  expect(parseStat(`42 (a) b (c) ${fields}`)).toEqual({ pid: 42, state: "S", startTicks: "4711" });
  expect(parseStat("")).toBeNull();
  expect(parseStat("garbage")).toBeNull();
});

it("knows this process, but not another one that got its number", async () => {
  const own = parseStat(await readFile("/proc/self/stat", "latin1"));
  if (own === null) throw new Error("cannot read the own process");
  expect(await isRunning(own)).toBe(true);
  expect(await isRunning({ ...own, startTicks: "1" })).toBe(false);
});

it("finds itself in its own process namespace", async () => {
  expect(await namespaceMembers((await stat("/proc/self/ns/pid")).ino)).toContain(process.pid);
  expect(await namespaceMembers(1)).toEqual([]);
});

it("kills what comes again until nothing comes, and gives up on what never goes", async () => {
  const children = [spawn("sleep", ["600"]), spawn("sleep", ["600"])];
  const ended = Promise.all(children.map((child) => once(child, "exit")));
  const alive = async () =>
    children.flatMap(({ pid, signalCode }) => (pid !== undefined && signalCode === null ? [pid] : [])).slice(0, 1);
  expect(await killUntilGone(alive, 10_000)).toBe(true);
  await ended;
  expect(await killUntilGone(async () => [2 ** 22 + 1], 20)).toBe(false);
});
