import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isAlive } from "./engine-process.ts";
import { waitFor } from "./wait.ts";

// What is done under a lock may be the first build of an image on a slow line.
const HELD_AT_MOST_MS = 900_000;

/** Does something while no other process on this machine does the same; the lock of a process that has died is nobody's. */
export const whileLocked = async <Result>(file: string, act: () => Promise<Result>): Promise<Result> => {
  await mkdir(dirname(file), { recursive: true });
  await waitFor(() => take(file), { what: `the lock ${file}`, timeoutMs: HELD_AT_MOST_MS, intervalMs: 50 });
  try {
    return await act();
  } finally {
    await rm(file, { force: true });
  }
};

const take = async (file: string): Promise<boolean> => {
  try {
    await writeFile(file, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    const holder = await holderOf(file);
    if (holder > 0 && !isAlive(holder)) await clearAway(file, holder);
    return false;
  }
};

const holderOf = async (file: string): Promise<number> => Number(await readFile(file, "utf8").catch(() => "0"));

/** Of several that see the lock of the dead, only one may take it away, and never the lock that another one has just taken. */
const clearAway = async (file: string, dead: number): Promise<void> => {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
    if ((await holderOf(aside)) !== dead) await link(aside, file);
    await rm(aside, { force: true });
  } catch {
    // Somebody else was first.
  }
};
