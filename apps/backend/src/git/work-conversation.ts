import { constants } from "node:fs";
import { chmod, copyFile, mkdir, open, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { CcrError } from "@ccr/protocol";
import { explainDisk, syncFolder, writeAll } from "./work-files.ts";

const SESSION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FILE = /^conversation-[0-9a-f-]{36}\.jsonl$/;
// Claude Code itself becomes unable to go on with a conversation long before.
const CONVERSATION_MAX_BYTES = 1024 * 1024 * 1024;

const pathOf = (folder: string, session: string): string => {
  if (!SESSION.test(session)) throw new CcrError("bad_request", "session: this is not the id of a conversation");
  return join(folder, `conversation-${session}.jsonl`);
};

/** How many bytes of a conversation are kept in a run's folder. */
export const conversationBytes = async (folder: string, session: string): Promise<number> =>
  (await stat(pathOf(folder, session)).catch(() => null))?.size ?? 0;

/**
 * Appends to what is kept of a conversation; what came before a failure stays. `after` is where the kept part ends, else `conflict`; or 0,
 * for a conversation that was written anew: then what was kept is replaced, in one step, by way of the file `fresh`.
 */
export const keepConversation = async (
  { folder, fresh }: { folder: string; fresh: string },
  part: { session: string; after: number; chunks: AsyncIterable<Uint8Array> },
  signal: AbortSignal,
): Promise<void> => {
  const path = pathOf(folder, part.session);
  const kept = await conversationBytes(folder, part.session);
  const replaces = part.after === 0 && kept > 0;
  if (part.after !== kept && !replaces) {
    throw new CcrError("conflict", `${kept} bytes of the conversation are kept: go on there instead of at ${part.after}.`);
  }
  try {
    const file = await open(replaces ? fresh : path, "a", 0o600);
    try {
      await writeAll(file, part.chunks, { maxBytes: CONVERSATION_MAX_BYTES - part.after, signal });
    } finally {
      await file.close();
    }
    if (replaces) await rename(fresh, path);
    await syncFolder(folder);
  } catch (error) {
    signal.throwIfAborted();
    throw explainDisk(error);
  }
};

/** The files of every kept conversation of a run, the one that was begun first in front. */
export const listConversations = async (folder: string): Promise<string[]> => {
  const files: { path: string; bornMs: number }[] = [];
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const path = join(folder, name);
    const found = FILE.test(name) ? await stat(path).catch(() => null) : null;
    if (found !== null) files.push({ path, bornMs: found.birthtimeMs });
  }
  return files.sort((left, right) => left.bornMs - right.bornMs).map(({ path }) => path);
};

/** Copies the newest of a run's kept conversations into a folder, made if need be, where a sandbox may read it; null: none is kept. */
export const giveConversation = async (folder: string, to: string): Promise<{ session: string; file: string } | null> => {
  const newest = (await listConversations(folder)).at(-1);
  const session = newest === undefined ? undefined : /conversation-([0-9a-f-]{36})\.jsonl$/.exec(newest)?.[1];
  if (newest === undefined || session === undefined) return null;
  await mkdir(to, { recursive: true, mode: 0o755 });
  const file = "conversation.jsonl";
  await copyFile(newest, join(to, file), constants.COPYFILE_FICLONE);
  await chmod(join(to, file), 0o644);
  return { session, file };
};
