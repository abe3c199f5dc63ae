import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile } from "./durable-file.ts";
import { DigestState } from "./spool-digest.ts";

const Checkpoint = z.object({
  version: z.literal(1),
  /** Everything up to this number is stored elsewhere. */
  ackedSeq: z.number().int().min(0),
  /** Files that begin before this number are removed, or about to be. */
  keptFromSeq: z.number().int().positive(),
  ...DigestState.shape,
});
export type Checkpoint = z.infer<typeof Checkpoint>;

const pathIn = (folder: string): string => join(folder, "checkpoint.json");

/** What was noted when events were last acknowledged; null when there is nothing, or nothing that can be read. */
export const readCheckpoint = async (folder: string): Promise<Checkpoint | null> => {
  const text = await readFile(pathIn(folder), "utf8").catch(() => "");
  try {
    return Checkpoint.parse(JSON.parse(text));
  } catch {
    return null;
  }
};

/** Resolves once the checkpoint is on disk. Not for two at the same time. */
export const writeCheckpoint = (folder: string, checkpoint: Checkpoint): Promise<void> =>
  replaceFile(pathIn(folder), JSON.stringify(checkpoint));
