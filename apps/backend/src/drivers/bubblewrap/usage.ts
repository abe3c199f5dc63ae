import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxHandle, SandboxUsage } from "@ccr/protocol";
import { diskUsage } from "../disk.ts";
import { handleFolder, requireOwnHandle } from "../handle.ts";
import { measurable, type UsageMeter } from "../types.ts";
import { findInit } from "./init.ts";
import { allProcesses } from "./processes.ts";
import { findRecord, stateFiles } from "./state.ts";

// USER_HZ, which the kernel fixes at 100 for what it shows to programs.
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** Processor time, with that of children that were reaped, and memory of a process, in its lines of /proc/PID/stat and statm. Pure. */
export const parseUse = (stat: string, statm: string): { cpuMs: number; memoryBytes: number } | null => {
  // The name in the second field may hold anything, closing brackets too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = [11, 12, 13, 14].map((index) => Number(fields[index]));
  const pages = Number(statm.split(" ")[1]);
  if (fields.length < 15 || ticks.some(Number.isNaN) || Number.isNaN(pages)) return null;
  return { cpuMs: ticks.reduce((sum, each) => sum + each, 0) * TICK_MS, memoryBytes: pages * PAGE_BYTES };
};

/** Memory that is in use, in what a control group of either version tells; null: it tells none. Pure. */
export const groupMemory = (current: string, stat: string): number | null => {
  if (!/^\d+\s*$/.test(current)) return null;
  // The kernel keeps files that were read as long as nobody needs the room.
  const spare = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  return Math.max(0, Number(current) - spare);
};

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

const memoryOf = async (groups: readonly string[]): Promise<number | null> => {
  for (const group of groups)
    for (const name of ["memory.current", "memory.usage_in_bytes"]) {
      const found = groupMemory(await read(join(group, name)), await read(join(group, "memory.stat")));
      if (found !== null) return found;
    }
  return null;
};

const usesOf = async (init: number) => {
  const namespaceOf = (pid: number) => readlink(`/proc/${pid}/ns/pid`).catch(() => null);
  const own = await namespaceOf(init);
  if (own === null) return [];
  const uses = (await allProcesses()).map(async (pid) => {
    if ((await namespaceOf(pid)) !== own) return null;
    return parseUse(await read(`/proc/${pid}/stat`), await read(`/proc/${pid}/statm`));
  });
  return (await Promise.all(uses)).filter((use) => use !== null);
};

/** What the processes of a sandbox use: its control group knows the memory best, and the processes themselves know the rest. */
export const createBubblewrapUsage = ({
  stateDir,
  now = () => new Date(),
}: {
  stateDir: string;
  now?: () => Date;
}): UsageMeter => ({
  usage: async (handle: SandboxHandle): Promise<SandboxUsage | null> => {
    requireOwnHandle(handle, "bubblewrap");
    const folder = handleFolder(handle, stateDir);
    const record = await findRecord(folder);
    const init = record === null ? null : await findInit(folder);
    if (record === null || init === null) return null;
    const uses = await usesOf(init.pid);
    if (uses.length === 0) return null;
    const [memory, disk] = await Promise.all([memoryOf(record.cgroups), diskUsage([...record.writable, stateFiles(folder).log])]);
    return {
      at: now().toISOString(),
      memoryBytes: memory ?? uses.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      cpuMs: uses.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      processes: uses.length,
      diskBytes: measurable(disk),
    };
  },
});
