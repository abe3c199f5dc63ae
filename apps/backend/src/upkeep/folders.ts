import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { RunId } from "@ccr/protocol";
import { diskUsage } from "../drivers/disk.ts";

const run = promisify(execFile);

const REMOVED = ".removed-";

/** What a folder holds of one run: `<run id>`, a folder or file, or `<run id>.<anything>`. */
export type RunEntry = { runId: RunId; name: string; path: string; isFolder: boolean; changedAt: Date };

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
    const path = join(folder, name);
    const found = runId.success ? await lstat(path).catch(() => null) : null;
    if (!runId.success || found === null || !(found.isDirectory() || found.isFile())) return null;
    return { runId: runId.data, name, path, isFolder: found.isDirectory(), changedAt: found.mtime };
  });
  return (await Promise.all(entries)).filter((entry) => entry !== null);
};

/** Removes an entry in one step for all who look: a kill leaves it as a whole, or a remainder that `clearRemoved` takes. Idempotent. */
export const removeEntry = async (folder: string, { path, isFolder }: RunEntry): Promise<void> => {
  if (!isFolder) return rm(path, { force: true });
  const away = join(folder, `${REMOVED}${randomUUID()}`);
  try {
    await rename(path, away);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  await removeFolder(away);
};

/** Removes what an earlier removal, which was killed, has left. */
export const clearRemoved = async (folder: string): Promise<void> => {
  for (const name of await namesIn(folder)) if (name.startsWith(REMOVED)) await removeFolder(join(folder, name));
};

/** Removes a folder in which an agent may have written, following no link. */
const removeFolder = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(async () => {
    // Caches of some package managers are read-only folders, and agents can nest deeper than a path is long. The system's own
    // programs walk from folder to folder, and follow no link on their way.
    await run("chmod", ["-R", "u+rwX", "--", folder]).catch(() => {});
    await run("rm", ["-rf", "--", folder]);
  });
};
