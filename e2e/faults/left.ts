import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { waitFor } from "@ccr/testkit";
import { describeProcesses } from "./processes.ts";

const EMPTY_WITHIN_MS = 5_000;

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * What of the sandboxes of some data folders is still there, from outside: folders, doors, processes, mounts and control groups.
 * `instanceIds`: all that there ever were.
 */
export const sandboxesLeft = async (dataDirs: readonly string[], instanceIds: readonly string[]): Promise<string[]> => {
  const processes = await describeProcesses(dataDirs);
  return [
    ...dataDirs.flatMap((dataDir, place) =>
      leftIn(dataDir).map((what) => (dataDirs.length === 1 ? what : `${what} of server ${place + 1}`)),
    ),
    ...processes.filter((line) => !/(backend|gateway)\/src\/main\.ts/.test(line)),
    ...controlGroupsOf(instanceIds).map((group) => `control group ${group}`),
  ];
};

const leftIn = (dataDir: string): string[] => [
  ...list(join(dataDir, "instances")).map((name) => `folder instances/${name}`),
  ...list(join(dataDir, "doors"))
    .filter((name) => name.startsWith("inst_"))
    .map((name) => `door doors/${name}`),
  ...["bubblewrap", "docker"].flatMap((driver) =>
    list(join(dataDir, "sandboxes", driver))
      // What is compiled for all of them is to stay, and what a server that was killed was trying out goes with a later start.
      .filter((name) => !name.startsWith("."))
      .map((name) => `folder sandboxes/${driver}/${name}`),
  ),
  ...mountsOf(dataDir).map((mount) => `mount ${mount}`),
  ...socketsOf(join(dataDir, "doors", "inst_")).map((path) => `listener at ${path}`),
];

/** Doors that somebody on this machine holds open, also where their folder is gone. */
const socketsOf = (beginning: string): string[] => {
  const paths = readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ").at(-1) ?? []);
  return [...new Set(paths.filter((path) => path.startsWith(beginning)))];
};

const mountsOf = (dataDir: string): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const target = line.split(" ")[4] ?? "";
      return target.startsWith(`${dataDir}/`) ? [target] : [];
    });

/** Removes the control groups of sandboxes whose processes were killed from outside; the last of these may still be on their way out. */
export const removeControlGroups = async (instanceIds: readonly string[]): Promise<void> => {
  const remove = (): boolean => {
    const groups = controlGroupsOf(instanceIds);
    for (const group of groups.toReversed()) {
      try {
        rmdirSync(group);
      } catch {
        // Something else has removed it, or it is not empty yet.
      }
    }
    return groups.length === 0;
  };
  // One that stays is empty in the end, and harms nobody.
  await waitFor(remove, { timeoutMs: EMPTY_WITHIN_MS, intervalMs: 50 }).catch(() => {});
};

/** Every folder below this one, the outer ones first; those that are removed meanwhile, as others' groups are all the time, are left out. */
const foldersBelow = (folder: string): string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => [join(folder, name), ...foldersBelow(join(folder, name))]);
  } catch {
    return [];
  }
};

const controlGroupsOf = (instanceIds: readonly string[]): string[] =>
  instanceIds.length === 0
    ? []
    : foldersBelow("/sys/fs/cgroup").filter((group) => instanceIds.some((id) => basename(group).includes(id)));
