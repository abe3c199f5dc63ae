import { constants } from "node:fs";
import { chmod, copyFile, type FileHandle, mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CcrError } from "@ccr/protocol";

export interface ConversationFileOptions {
  /** Claude Code's own folder. */
  configFolder: string;
  session: string;
  after: number;
  signal: AbortSignal;
}

/** Without following a link, and without waiting for whoever writes to a pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The bytes of a conversation's file from `after` on, to the end that it has now. `not_found` when there is none, `conflict` when it is
 * shorter than that. The agent can write there: what is no plain file is none.
 */
export const readConversation = async (
  options: ConversationFileOptions,
): Promise<{ length: number; chunks: AsyncIterable<Buffer> }> => {
  const { after, session, signal } = options;
  const found = await openNewest(options);
  if (found === null) throw new CcrError("not_found", `Claude Code keeps no conversation ${session} here.`);
  const { file, size } = found;
  if (after > size) {
    await file.close();
    throw new CcrError("conflict", `after: the conversation has ${size} bytes, which is less than ${after}: read it from 0 on.`);
  }
  signal.addEventListener("abort", () => void file.close().catch(() => {}), { once: true });
  return { length: size - after, chunks: read(file, after, size) };
};

/**
 * Puts the file of a conversation where Claude Code looks for those of a workspace, and gives how long it is. `bad_request` for a path that is none,
 * `not_found` for a file that is not there. Idempotent.
 */
export const adoptConversation = async (options: {
  claudeFolder: string;
  workspace: string;
  session: string;
  path: string;
}): Promise<number> => {
  const { claudeFolder, workspace, session, path } = options;
  if (path.split("/").includes("..")) throw new CcrError("bad_request", "path: the path has a '..'");
  // By the working directory, of which every other character becomes a hyphen.
  const folder = join(claudeFolder, "projects", workspace.replaceAll(/[^A-Za-z0-9]/g, "-"));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, `${session}.jsonl`);
  try {
    await copyFile(path, target);
  } catch (error) {
    throw new CcrError("not_found", `There is no conversation at ${path} that can be read.`, { cause: error });
  }
  await chmod(target, 0o600);
  return (await stat(target)).size;
};

/** Claude Code keeps them as `projects/<folder>/<session>.jsonl`; when the folder has changed, the one that was written last counts. */
const openNewest = async ({
  configFolder,
  session,
}: ConversationFileOptions): Promise<{ file: FileHandle; size: number } | null> => {
  const root = join(configFolder, "projects");
  let newest: { file: FileHandle; size: number; modifiedMs: number } | null = null;
  for (const folder of await readdir(root).catch((): string[] => [])) {
    const file = await open(join(root, folder, `${session}.jsonl`), FLAGS).catch(() => null);
    if (file === null) continue;
    const {
      size,
      mtimeMs: modifiedMs,
      ...found
    } = await file.stat().then((stat) => ({
      size: stat.size,
      mtimeMs: stat.mtimeMs,
      isFile: stat.isFile(),
    }));
    if (found.isFile && (newest === null || modifiedMs > newest.modifiedMs)) {
      await newest?.file.close();
      newest = { file, size, modifiedMs };
    } else await file.close();
  }
  return newest;
};

async function* read(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  try {
    let bytes = start;
    if (start === end) return;
    for await (const chunk of file.createReadStream({ start, end: end - 1, autoClose: false })) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      yield chunk;
    }
    // The reader was told a length, and would wait for the rest.
    if (bytes < end) throw new CcrError("conflict", "The conversation became shorter while it was read.");
  } finally {
    await file.close().catch(() => {}); // the reader left, and it is closed already
  }
}
