import { readdir, readFile } from "node:fs/promises";

/** Sends a signal to a process group; false when there is none any more, or its leader could not be started and has no number. */
export const signalGroup = (leader: number | undefined, signal: NodeJS.Signals): boolean => {
  if (leader === undefined) return false;
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false;
  }
};

/**
 * Kills every process whose environment carries `name=value`, wherever it went: an agent's shells have process groups of their own, and
 * what they start may outlive them. Looks again until nothing is found, so that a process that forks meanwhile is found too. Does nothing
 * on systems without /proc.
 */
export const killMarked = async (name: string, value: string): Promise<void> => {
  for (let round = 0; round < 20; round += 1) {
    const found = await findMarked(`${name}=${value}`);
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
  }
};

const findMarked = async (mark: string): Promise<number[]> => {
  const names = await readdir("/proc").catch((): string[] => []);
  const found: number[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    // The environment of a zombie is empty, and that of another user's process cannot be read: neither is ours to kill.
    const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
    if (environment.split("\0").includes(mark)) found.push(Number(name));
  }
  return found;
};
