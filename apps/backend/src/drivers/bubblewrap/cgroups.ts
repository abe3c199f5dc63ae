import { access, constants, mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { SandboxLimits } from "@ccr/protocol";
import { memoryLimitBytes } from "../layout.ts";
import { identify, type ProcessIdentity } from "./processes.ts";

/*
 * Limits on memory, cpu and processes through control groups, version 1 (a tree per controller) or version 2 (one tree).
 * When memory runs out, version 2 ends the whole sandbox; version 1 knows no such thing and the kernel ends the largest process, which
 * may be a command of the agent while the executor lives on.
 */

const CONTROLLERS = ["memory", "pids", "cpu"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Where groups for sandboxes can be made. A controller without a parent is not enforced. */
export type CgroupHome = { version: 1 | 2; parents: Partial<Record<Controller, string>> };

// bwrap's own two processes; the limit is meant for what runs in the sandbox.
const OWN_PROCESSES = 2;
const PERIOD_US = 100_000;

type Mount = { root: string; point: string; type: string; options: string[] };

/** The control group file systems in the text of /proc/self/mountinfo. Pure. */
export const parseCgroupMounts = (mountinfo: string): Mount[] =>
  mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", point = ""] = before.split(" ");
    const [type = "", , options = ""] = after.split(" ");
    return type === "cgroup" || type === "cgroup2" ? [{ root, point, type, options: options.split(",") }] : [];
  });

/** This process's own group for a controller of version 1, in the text of /proc/self/cgroup. Pure. */
export const ownGroup = (text: string, controller: Controller): string => {
  for (const line of text.split("\n")) {
    const [, controllers = "", ...path] = line.split(":");
    if (controllers.split(",").includes(controller)) return path.join(":");
  }
  return "/";
};

/** Finds where this process may make groups; nothing is changed but, with version 2, the controllers being passed on to the groups below. */
export const findCgroupHome = async (): Promise<CgroupHome> => {
  const mounts = parseCgroupMounts(await read("/proc/self/mountinfo"));
  const unified = mounts.find((mount) => mount.type === "cgroup2");
  const controllers = unified === undefined ? [] : (await read(join(unified.point, "cgroup.controllers"))).trim().split(" ");
  if (unified !== undefined && controllers.includes("memory"))
    return { version: 2, parents: await unifiedParents(unified.point) };
  return { version: 1, parents: await separateParents(mounts, await read("/proc/self/cgroup")) };
};

/** The top of the tree: a group below the server's own would end with the server, and may have no members beside children. */
export const unifiedParents = async (top: string): Promise<CgroupHome["parents"]> => {
  const parents: CgroupHome["parents"] = {};
  if (!(await isWritable(top))) return parents;
  const control = join(top, "cgroup.subtree_control");
  for (const controller of CONTROLLERS) {
    if (!(await read(control)).trim().split(" ").includes(controller)) await writeFile(control, `+${controller}`).catch(() => {});
    if ((await read(control)).trim().split(" ").includes(controller)) parents[controller] = top;
  }
  return parents;
};

/** Below the server's own groups, so that a sandbox never gets more than the server itself may have. */
const separateParents = async (mounts: readonly Mount[], own: string): Promise<CgroupHome["parents"]> => {
  const parents: CgroupHome["parents"] = {};
  for (const controller of CONTROLLERS) {
    const mount = mounts.find((candidate) => candidate.type === "cgroup" && candidate.options.includes(controller));
    if (mount === undefined) continue;
    const below = relative(mount.root, ownGroup(own, controller));
    const parent = below.startsWith("..") ? mount.point : join(mount.point, below);
    if (await isWritable(parent)) parents[controller] = parent;
  }
  return parents;
};

/** The folders of a sandbox's groups, made or not. Pure. */
export const cgroupFolders = (home: CgroupHome, name: string): string[] => [
  ...new Set(Object.values(home.parents).map((parent) => join(parent, name))),
];

/** What has to be written where, in order, to limit a sandbox. `optional`: the kernel may be built without it. Pure. */
export const cgroupSettings = (
  home: CgroupHome,
  name: string,
  limits: SandboxLimits,
): { file: string; value: string; optional: boolean }[] => {
  const setting = (controller: Controller, file: string, value: string | number, optional = false) => {
    const parent = home.parents[controller];
    return parent === undefined ? [] : [{ file: join(parent, name, file), value: String(value), optional }];
  };
  const memory = memoryLimitBytes(limits);
  const processes = limits.processes + OWN_PROCESSES;
  const quota = Math.max(1_000, Math.round(limits.cpus * PERIOD_US));
  return home.version === 2
    ? [
        ...setting("memory", "memory.max", memory),
        ...setting("memory", "memory.swap.max", 0, true),
        ...setting("memory", "memory.oom.group", 1, true),
        ...setting("pids", "pids.max", processes),
        ...setting("cpu", "cpu.max", `${quota} ${PERIOD_US}`),
      ]
    : [
        ...setting("memory", "memory.limit_in_bytes", memory),
        // Memory and swap together: so there is no swap.
        ...setting("memory", "memory.memsw.limit_in_bytes", memory, true),
        ...setting("pids", "pids.max", processes),
        ...setting("cpu", "cpu.cfs_period_us", PERIOD_US),
        ...setting("cpu", "cpu.cfs_quota_us", quota),
      ];
};

/** Makes a sandbox's groups with their limits, and gives their folders. A process joins by writing its id to `cgroup.procs` in each. */
export const makeCgroups = async (home: CgroupHome, name: string, limits: SandboxLimits): Promise<string[]> => {
  const folders = cgroupFolders(home, name);
  for (const folder of folders) await mkdir(folder, { recursive: true });
  for (const { file, value, optional } of cgroupSettings(home, name, limits)) {
    await writeFile(file, value).catch((error: unknown) => {
      if (!optional) throw error;
    });
  }
  return folders;
};

/** How many processes of these groups the kernel has killed for lack of memory, theirs or the machine's. */
export const countOutOfMemoryKills = async (folders: readonly string[]): Promise<number> => {
  // Version 2 counts in the one file and version 1 in the other.
  const files = folders.flatMap((folder) => ["memory.events", "memory.oom_control"].map((file) => join(folder, file)));
  const counts = (await Promise.all(files.map(read))).map((text) => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
};

/** The processes in these groups. */
export const cgroupMembers = async (folders: readonly string[]): Promise<ProcessIdentity[]> => {
  const found = await Promise.all((await memberNumbers(folders)).map(identify));
  // A number may have become another process's before that was looked at: a stranger is in no group of ours.
  const still = new Set(await memberNumbers(folders));
  return found.filter((member) => member !== null).filter(({ pid }) => still.has(pid));
};

const memberNumbers = async (folders: readonly string[]): Promise<number[]> => {
  const texts = await Promise.all(folders.map((folder) => read(join(folder, "cgroup.procs"))));
  const numbers = texts.flatMap((text) => text.split("\n")).map(Number);
  // Version 2 gives 0 for a process that cannot be seen from here.
  return [...new Set(numbers)].filter((number) => number > 0);
};

// A process counts as a member for a moment after it has ended.
const EMPTY_WITHIN_MS = 5_000;

/** Removes groups whose processes have ended; one that is gone already is fine, one with members that stay is an error. */
export const removeCgroups = async (folders: readonly string[]): Promise<void> => {
  const giveUpAt = performance.now() + EMPTY_WITHIN_MS;
  for (const folder of folders) {
    for (;;) {
      const problem = await rmdir(folder).then(
        () => null,
        (error: unknown) => error,
      );
      const code = problem instanceof Error && "code" in problem ? problem.code : null;
      if (problem === null || code === "ENOENT") break;
      if (code !== "EBUSY" || performance.now() > giveUpAt) throw problem;
      await delay(20);
    }
  }
};

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
