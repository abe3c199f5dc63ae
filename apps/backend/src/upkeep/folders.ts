import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { RunId } from "@ccr/protocol";
import { diskUsage } from "../drivers/disk.ts";

/** What a folder holds of one run: the folder `<run id>`, or a file `<run id>.<anything>`. */
export type RunEntry = { runId: RunId; path: string; changedAt: Date };

/** The bytes that something takes, null when it is more than can be measured. Follows no link. */
export const measure = async (path: string, maxEntries?: number): Promise<number | null> => {
  const bytes = await diskUsage([path], maxEntries === undefined ? {} : { maxEntries });
  return Number.isFinite(bytes) ? bytes : null;
};

/** Sums sizes; one that is not known makes a sum that is not known. Pure. */
export const sumBytes = (sizes: readonly (number | null)[]): number | null =>
  sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0);

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
};

/** Everything in a folder that is named after a run. What is named otherwise, and every link, is somebody else's. */
export const listRunEntries = async (folder: string): Promise<RunEntry[]> => {
  const entries = (await namesIn(folder)).map(async (name): Promise<RunEntry | null> => {
    const runId = RunId.safeParse(name.split(".")[0]);
    if (!runId.success) return null;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    const isOurs = name === runId.data ? found?.isDirectory() : found?.isFile();
    return found === null || isOurs !== true ? null : { runId: runId.data, path, changedAt: found.mtime };
  });
  return (await Promise.all(entries)).filter((entry) => entry !== null);
};
