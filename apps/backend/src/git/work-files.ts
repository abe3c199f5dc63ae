import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, Timestamp, WorkSnapshot } from "@ccr/protocol";
import { z } from "zod";

/** What is kept of a repository: the one small file that says which bundle counts. */
export const KeptRecord = z.object({
  version: z.literal(1),
  snapshot: WorkSnapshot,
  at: Timestamp,
  /** The bundle's file, beside this one. */
  bundle: z.string().regex(/^work-[0-9a-f-]+\.bundle$/),
  bundleBytes: z.number().int().min(0),
  /** The name of the mirror's folder; null: the bundle needs none. */
  mirror: z
    .string()
    .regex(/^[\w.-]+$/)
    .nullable(),
  /** The repository's address, without a credential. */
  origin: z.string(),
});
export type KeptRecord = z.infer<typeof KeptRecord>;

const RECORD = "work.json";
const BUNDLE = /^work-[0-9a-f-]+\.bundle$/;

const isFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** Turns a full disk into the error that says so. */
export const explainDisk = (error: unknown, what = "work"): unknown =>
  isFull(error)
    ? new CcrError("disk_full", `The server's disk is full: the ${what} could not be kept.`, { cause: error })
    : error;

/** Lets a rename or a new name in a folder outlive a power failure. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Appends what comes to a file, synced at the end, and gives how many bytes. Throws `payload_too_large` beyond a limit. */
export const writeAll = async (
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, what = "work", signal }: { maxBytes: number; what?: string; signal: AbortSignal },
): Promise<number> => {
  let bytes = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    bytes += chunk.length;
    if (bytes > maxBytes) {
      const mib = Math.floor(maxBytes / 1024 / 1024);
      throw new CcrError(
        "payload_too_large",
        `The ${what} is larger than ${mib} MiB: that much is not kept. What was kept before stays.`,
      );
    }
    await file.writeFile(chunk);
  }
  await file.sync();
  return bytes;
};

/** Reads which bundle counts; null: none, or nothing that can be read. */
export const readRecord = async (folder: string): Promise<KeptRecord | null> => {
  const text = await readFile(join(folder, RECORD), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    const record = KeptRecord.safeParse(JSON.parse(text));
    return record.success ? record.data : null;
  } catch {
    return null;
  }
};

/** Says which bundle counts from now on, in one step that a kill or a power failure leaves either undone or done. */
export const writeRecord = async (folder: string, record: KeptRecord): Promise<void> => {
  const fresh = join(folder, `${RECORD}.new`);
  const file = await open(fresh, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(folder, RECORD));
  await syncFolder(folder);
};

/** Removes every bundle but one. */
export const removeBundles = async (folder: string, except: string | null): Promise<void> => {
  for (const name of await readdir(folder).catch((): string[] => []))
    if (BUNDLE.test(name) && name !== except) await rm(join(folder, name), { force: true });
};

/** Makes a folder whose name outlives a power failure. */
export const makeFolder = async (parent: string, name: string): Promise<string> => {
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await syncFolder(parent);
  return folder;
};

/** What a file or a folder takes on the disk; links are not followed, and what vanishes meanwhile counts nothing. */
export const diskBytes = async (path: string): Promise<number> => {
  const found = await lstat(path).catch(() => null);
  if (found === null) return 0;
  // A block is 512 bytes, whatever the file system's own are.
  let bytes = found.blocks * 512;
  if (!found.isDirectory()) return bytes;
  for (const name of await readdir(path, { encoding: "buffer" }).catch((): Buffer[] => [])) {
    bytes += await diskBytes(join(path, name.toString("utf8")));
  }
  return bytes;
};
