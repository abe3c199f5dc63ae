import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describeProcesses } from "./processes.ts";

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * What of the sandboxes of a data folder is still there, from outside: folders, doors, processes, mounts and control groups.
 * `instanceIds`: all that there ever were.
 */
export const sandboxesLeft = async (dataDir: string, instanceIds: readonly string[]): Promise<string[]> => {
  const processes = await describeProcesses(dataDir);
  return [
    ...list(join(dataDir, "instances")).map((name) => `folder instances/${name}`),
    ...list(join(dataDir, "doors"))
      .filter((name) => name.startsWith("inst_"))
      .map((name) => `door doors/${name}`),
    ...["bubblewrap", "docker"].flatMap((driver) =>
      list(join(dataDir, "sandboxes", driver)).map((name) => `folder sandboxes/${driver}/${name}`),
    ),
    ...processes.filter((line) => !/(backend|gateway)\/src\/main\.ts/.test(line)),
    ...mountsOf(dataDir).map((mount) => `mount ${mount}`),
    ...controlGroupsOf(instanceIds).map((group) => `control group ${group}`),
  ];
};

const mountsOf = (dataDir: string): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const target = line.split(" ")[4] ?? "";
      return target.startsWith(`${dataDir}/`) ? [target] : [];
    });

/** Removes the control groups of sandboxes whose processes were killed from outside. */
export const removeControlGroups = (instanceIds: readonly string[]): void => {
  for (const group of controlGroupsOf(instanceIds).toReversed()) {
    try {
      rmdirSync(join("/sys/fs/cgroup", group));
    } catch {
      // Something else has removed it, or its last process is still on its way out: it is empty, and harms nobody.
    }
  }
};

const controlGroupsOf = (instanceIds: readonly string[]): string[] =>
  instanceIds.length === 0
    ? []
    : readdirSync("/sys/fs/cgroup", { recursive: true, encoding: "utf8" }).filter((group) =>
        instanceIds.some((id) => basename(group).includes(id)),
      );
