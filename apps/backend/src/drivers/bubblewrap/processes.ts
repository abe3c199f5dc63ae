import { readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/**
 * A process for certain: a number alone may have been given to another one since, and number and start once more after the machine was
 * restarted. `bootId` is null where an earlier version wrote it down, or the kernel tells none.
 */
export const ProcessIdentity = z.object({ pid: z.number(), startTicks: z.string(), bootId: z.string().nullable() });
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** Reads who a line of /proc/PID/stat is about. Pure. */
export const parseStat = (line: string): { pid: number; startTicks: string; state: string } | null => {
  // The name in the second field may hold anything, closing brackets too.
  const end = line.lastIndexOf(")");
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(end + 2).split(" ");
  const state = fields[0];
  const startTicks = fields[19];
  if (end < 0 || Number.isNaN(pid) || state === undefined || startTicks === undefined) return null;
  return { pid, startTicks, state };
};

const BOOT_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/m;

/** Reads who wrote down its line of /proc/PID/stat and, below it, what it was told of /proc/sys/kernel/random/boot_id. Pure. */
export const parseIdentity = (text: string): ProcessIdentity | null => {
  const found = parseStat(text);
  return found === null ? null : { pid: found.pid, startTicks: found.startTicks, bootId: BOOT_ID.exec(text)?.[0] ?? null };
};

/** Who has this number now; null when it has ended, also when it only waits to be reaped. */
export const identify = async (pid: number): Promise<ProcessIdentity | null> => {
  const found = parseStat(await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""));
  if (found === null || found.state === "Z" || found.state === "X") return null;
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1").catch(() => "");
  return { pid, startTicks: found.startTicks, bootId: BOOT_ID.exec(boot)?.[0] ?? null };
};

/** Whether two processes of one life of the machine are the same. Pure. */
export const isSame = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTicks === other.startTicks;

/** Whether this very process still runs; one that only waits to be reaped does not. */
export const isRunning = async (process: ProcessIdentity): Promise<boolean> => {
  const found = await identify(process.pid);
  return found !== null && isSame(found, process) && (process.bootId === null || process.bootId === found.bootId);
};

/** The numbers of all processes that this one sees. */
export const allProcesses = async (): Promise<number[]> =>
  (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);

/** Whether a process has that very file as its standard output. */
export const printsInto = async (pid: number, path: string): Promise<boolean> => {
  const look = (file: string) => stat(file, { bigint: true }).catch(() => null);
  const [output, file] = await Promise.all([look(`/proc/${pid}/fd/1`), look(path)]);
  return output !== null && file !== null && output.dev === file.dev && output.ino === file.ino;
};

/** Kills what `find` gives until it gives nothing more and all of that has ended; false when something is still there after `timeoutMs`. */
export const killUntilGone = async (find: () => Promise<ProcessIdentity[]>, timeoutMs: number): Promise<boolean> => {
  const giveUpAt = performance.now() + timeoutMs;
  let ending: ProcessIdentity[] = [];
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    // While a process ends, what it was found by may be gone already.
    const running = await Promise.all(ending.map(isRunning));
    const found = [...ending.filter((_, index) => running[index]), ...(await find())];
    ending = found.filter((process, index) => found.findIndex((other) => isSame(other, process)) === index);
    if (ending.length === 0) return true;
    if (performance.now() > giveUpAt) return false;
    for (const process of ending) kill(process);
    await delay(pauseMs);
  }
};

const kill = ({ pid, startTicks }: ProcessIdentity): void => {
  try {
    // Since it was found it may have ended and its number been given away, so the last look is right before, with nothing awaited between.
    if (parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"))?.startTicks === startTicks) process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself; if it may not be killed, the loop says so in the end.
  }
};
