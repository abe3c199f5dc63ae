import { mkdir, readFile, writeFile } from "node:fs/promises";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, it } from "vitest";
import {
  cgroupFolders,
  cgroupMembers,
  cgroupSettings,
  countOutOfMemoryKills,
  ownGroup,
  parseCgroupMounts,
  unifiedParents,
} from "./cgroups.ts";
import { identify } from "./processes.ts";

const LIMITS = { memoryMb: 100, cpus: 1.5, processes: 50, diskMb: 1 };
const valuesOf = (home: Parameters<typeof cgroupSettings>[0]) =>
  Object.fromEntries(cgroupSettings(home, "box", LIMITS).map(({ file, value }) => [file, value]));

describe("control groups version 2", () => {
  it("limits memory without swap, ends all when it runs out, and limits processes and cpu", () => {
    expect(valuesOf({ version: 2, parents: { memory: "/c", pids: "/c", cpu: "/c" } })).toEqual({
      "/c/box/memory.max": "104857600",
      "/c/box/memory.swap.max": "0",
      "/c/box/memory.oom.group": "1",
      "/c/box/pids.max": "52",
      "/c/box/cpu.max": "150000 100000",
    });
  });

  it("has one folder, and passes on only the controllers that it can", async () => {
    await using top = await temporaryFolder();
    await writeFile(top.join("cgroup.subtree_control"), "cpu memory\n");
    // A plain file takes '+pids' as its whole text, after which the others are no longer listed: as if the kernel refused them.
    expect(await unifiedParents(top.path)).toEqual({ memory: top.path });
    expect(await readFile(top.join("cgroup.subtree_control"), "utf8")).toBe("+cpu");
    expect(cgroupFolders({ version: 2, parents: { memory: "/c", cpu: "/c" } }, "box")).toEqual(["/c/box"]);
  });

  it("offers nothing where nothing can be written", async () => {
    expect(await unifiedParents("/nonexistent")).toEqual({});
  });
});

describe("control groups version 1", () => {
  it("limits memory and swap together, after memory alone, which the kernel wants to be first", () => {
    const home = { version: 1 as const, parents: { memory: "/m", pids: "/p", cpu: "/c" } };
    const files = cgroupSettings(home, "box", LIMITS).map(({ file }) => file);
    expect(files.indexOf("/m/box/memory.limit_in_bytes")).toBeLessThan(files.indexOf("/m/box/memory.memsw.limit_in_bytes"));
    expect(valuesOf(home)).toEqual({
      "/m/box/memory.limit_in_bytes": "104857600",
      "/m/box/memory.memsw.limit_in_bytes": "104857600",
      "/p/box/pids.max": "52",
      "/c/box/cpu.cfs_period_us": "100000",
      "/c/box/cpu.cfs_quota_us": "150000",
    });
    expect(cgroupFolders(home, "box")).toEqual(["/m/box", "/p/box", "/c/box"]);
  });

  it("reads where controllers are mounted and which group this process is in", () => {
    const mounts = parseCgroupMounts(
      "30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n" +
        "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n" +
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
    );
    expect(mounts).toEqual([
      { root: "/", point: "/sys/fs/cgroup/unified", type: "cgroup2", options: ["rw"] },
      { root: "/docker/abc", point: "/sys/fs/cgroup/cpu,cpuacct", type: "cgroup", options: ["rw", "cpu", "cpuacct"] },
    ]);
    const own = "5:memory:/system.slice/a:b.service\n4:cpu,cpuacct:/docker/abc/x\n0::/\n";
    expect(ownGroup(own, "cpu")).toBe("/docker/abc/x");
    expect(ownGroup(own, "memory")).toBe("/system.slice/a:b.service");
    expect(ownGroup(own, "pids")).toBe("/");
  });
});

it("reads in either version's counters how many were killed for memory", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["v1", "v2", "calm"]) await mkdir(folder.join(name));
  await writeFile(folder.join("v1", "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  await writeFile(folder.join("v2", "memory.events"), "low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 1\n");
  await writeFile(folder.join("calm", "memory.events"), "max 9\noom 1\noom_kill 0\n");
  expect(await countOutOfMemoryKills([folder.join("v1"), folder.join("gone")])).toBe(2);
  expect(await countOutOfMemoryKills([folder.join("calm"), folder.join("v2")])).toBe(1);
  expect(await countOutOfMemoryKills([folder.join("calm"), folder.join("gone")])).toBe(0);
});

it("gives each member of several groups once, and none of a group that is gone", async () => {
  await using folder = await temporaryFolder();
  await mkdir(folder.join("a"));
  await mkdir(folder.join("b"));
  await writeFile(folder.join("a", "cgroup.procs"), `${process.ppid}\n${process.pid}\n`);
  await writeFile(folder.join("b", "cgroup.procs"), `${process.pid}\n`);
  const members = await cgroupMembers([folder.join("a"), folder.join("b"), folder.join("gone")]);
  expect(members).toEqual([await identify(process.ppid), await identify(process.pid)]);
});

it("gives no member that has ended or cannot be seen from here", async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.join("cgroup.procs"), `0\n0\n${2 ** 22 + 1}\n`);
  expect(await cgroupMembers([folder.path])).toEqual([]);
});
