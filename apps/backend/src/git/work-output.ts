import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { CcrError, CHECK_OUTPUT_MAX_BYTES, CheckOutputName } from "@ccr/protocol";
import { explainDisk, makeFolder, syncFolder, writeAll } from "./work-files.ts";

const FOLDER = "checks";
// One that was cut has a line that says so.
const MAX_BYTES = CHECK_OUTPUT_MAX_BYTES + 1024;

const fileOf = (name: string): string => {
  if (!CheckOutputName.safeParse(name).success) throw new CcrError("bad_request", "name: this is not the name of an output");
  return `${name}.txt`;
};

/**
 * Keeps a whole output of a check in a run's folder, which is made for it, by way of the file `fresh`: under its name there is all of it, or
 * what was there before. The same name replaces.
 */
export const keepOutput = async (
  { root, runFolder, fresh }: { root: string; runFolder: string; fresh: string },
  { name, chunks }: { name: string; chunks: AsyncIterable<Uint8Array> },
  signal: AbortSignal,
): Promise<void> => {
  const fileName = fileOf(name);
  try {
    const file = await open(fresh, "wx", 0o600);
    try {
      await writeAll(file, chunks, { maxBytes: MAX_BYTES, what: "output", signal });
    } finally {
      await file.close();
    }
    signal.throwIfAborted();
    const folder = await makeFolder(await makeFolder(root, runFolder), FOLDER);
    await rename(fresh, join(folder, fileName));
    await syncFolder(folder);
  } catch (error) {
    signal.throwIfAborted();
    throw explainDisk(error, "output");
  }
};

/** The file of a kept output; null: there is none. */
export const openOutput = async (runFolder: string, name: string): Promise<FileHandle | null> =>
  open(join(runFolder, FOLDER, fileOf(name)), "r").catch(() => null);
