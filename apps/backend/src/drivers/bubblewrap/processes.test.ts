import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import {
  allProcesses,
  identify,
  isRunning,
  killUntilGone,
  type ProcessIdentity,
  parseIdentity,
  parseStat,
  printsInto,
} from "./processes.ts";

const own = async (): Promise<ProcessIdentity> => {
  const found = await identify(process.pid);
  if (found === null) throw new Error("cannot read the own process");
  return found;
};

it("reads number, state and start of a process, whatever its name", () => {
  const fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
  expect(parseStat(`42 (a) b (c) ${fields}`)).toEqual({ pid: 42, state: "S", startTicks: "4711" });
  expect(parseStat("")).toBeNull();
  expect(parseStat("garbage")).toBeNull();
});

it("reads who wrote down who it is, with the boot or without", async () => {
  const line = await readFile("/proc/self/stat", "latin1");
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1");
  expect(parseIdentity(`${line}${boot}`)).toEqual(await own());
  expect(parseIdentity(line)).toEqual({ ...(await own()), bootId: null });
  expect(parseIdentity("")).toBeNull();
});

it("knows this process, but not another one that got its number, in this life of the machine or another", async () => {
  const here = await own();
  expect(await isRunning(here)).toBe(true);
  expect(await isRunning({ ...here, bootId: null })).toBe(true);
  expect(await isRunning({ ...here, startTicks: "1" })).toBe(false);
  expect(await isRunning({ ...here, bootId: "01234567-89ab-cdef-0123-456789abcdef" })).toBe(false);
  expect(await identify(0)).toBeNull();
});

it("sees this process among all, and where its child prints", async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.join("log"), "");
  const child = spawn("bash", ["-c", `exec sleep 600 >> '${folder.join("log")}'`], { stdio: "ignore" });
  const ended = once(child, "exit");
  const pid = child.pid ?? 0;
  await waitFor(() => printsInto(pid, folder.join("log")), { what: "the child to print into the log" });
  expect(await printsInto(process.pid, folder.join("log"))).toBe(false);
  expect(await printsInto(pid, folder.join("another"))).toBe(false);
  expect(await allProcesses()).toContain(process.pid);
  child.kill("SIGKILL");
  await ended;
});

it("kills what comes again until nothing comes, and gives up on what never goes", async () => {
  const children = [spawn("sleep", ["600"]), spawn("sleep", ["600"])];
  const ended = Promise.all(children.map((child) => once(child, "exit")));
  const alive = async () => {
    const left = children.filter(({ signalCode }) => signalCode === null).map(({ pid }) => identify(pid ?? 0));
    return (await Promise.all(left)).filter((process) => process !== null).slice(0, 1);
  };
  expect(await killUntilGone(alive, 10_000)).toBe(true);
  await ended;
  expect(await killUntilGone(async () => [{ pid: 2 ** 22 + 1, startTicks: "1", bootId: null }], 20)).toBe(false);
});

it("waits for the end of what it found once", async () => {
  const child = spawn("sleep", ["600"]);
  const ended = once(child, "exit");
  const found = [await identify(child.pid ?? 0)].filter((process) => process !== null);
  expect(await killUntilGone(async () => found.splice(0), 10_000)).toBe(true);
  expect(await identify(child.pid ?? 0)).toBeNull();
  await ended;
});

it("does not kill who got the number of what was found", async () => {
  const stranger = spawn("sleep", ["600"]);
  const ended = once(stranger, "exit");
  const found = await identify(stranger.pid ?? 0);
  if (found === null) throw new Error("there is no process");
  const first = [[{ ...found, startTicks: "1" }]];
  expect(await killUntilGone(async () => first.pop() ?? [], 10_000)).toBe(true);
  expect(await isRunning(found)).toBe(true);
  stranger.kill("SIGKILL");
  await ended;
});
