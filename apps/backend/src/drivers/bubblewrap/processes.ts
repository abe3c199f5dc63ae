import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** A process for certain: a number alone may have been given to another one since. */
export type ProcessIdentity = { pid: number; startTicks: string };

/** Reads who a line of /proc/PID/stat is about. Pure. */
export const parseStat = (line: string): (ProcessIdentity & { state: string }) | null => {
  // The name in the second field may hold anything, closing brackets too.
  const end = line.lastIndexOf(")");
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(end + 2).split(" ");
  const state = fields[0];
  const startTicks = fields[19];
  if (end < 0 || Number.isNaN(pid) || state === undefined || startTicks === undefined) return null;
  return { pid, startTicks, state };
};

const hasEnded = ({ state }: { state: string }): boolean => state === "Z" || state === "X";

const readStat = async (pid: number | string) => parseStat(await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""));

/** Whether this very process still runs; one that only waits to be reaped does not. */
export const isRunning = async ({ pid, startTicks }: ProcessIdentity): Promise<boolean> => {
  const found = await readStat(pid);
  return found !== null && found.startTicks === startTicks && !hasEnded(found);
};

/**
 * The ids of the processes in a process namespace, given by its inode. Those of other users may not be seen. One that only waits to be
 * reaped is not counted: where nobody reaps orphans in time, as in a container without an init, it would be there for long.
 */
export const namespaceMembers = async (inode: number): Promise<number[]> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const isMember = async (pid: string): Promise<boolean> => {
    if ((await readlink(`/proc/${pid}/ns/pid`).catch(() => "")) !== `pid:[${inode}]`) return false;
    const found = await readStat(pid);
    return found !== null && !hasEnded(found);
  };
  const members = await Promise.all(pids.map(async (pid) => ((await isMember(pid)) ? [Number(pid)] : [])));
  return members.flat();
};

/** Kills what `find` gives until it gives nothing more; false when something is still there after `timeoutMs`. */
export const killUntilGone = async (find: () => Promise<number[]>, timeoutMs: number): Promise<boolean> => {
  const giveUpAt = performance.now() + timeoutMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    const pids = await find();
    if (pids.length === 0) return true;
    if (performance.now() > giveUpAt) return false;
    for (const pid of pids) kill(pid);
    await delay(pauseMs);
  }
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself; if it may not be killed, the loop says so in the end.
  }
};
