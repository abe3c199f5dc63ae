import type { FileHandle } from "node:fs/promises";
import { CcrError, type Door } from "@ccr/protocol";
import { type AuditDraft, type AuditFile, lineOf, takeAuditFile, writeAll } from "./audit-file.ts";
import { type BegunLog, type BegunRequest, openBegunLog } from "./begun.ts";
import { auditError, identityAt, identityOf } from "./beside.ts";
import { checkOurs, type Ownership, type Standing, takeOwnership } from "./ownership.ts";
import { reasonOf } from "./reason.ts";

/** The audit of one run, for as long as its door is ours. */
export type AuditLog = {
  /**
   * To be awaited before a request goes on to its server: whatever then ends this process, the request has a record when the log is opened
   * again. Gives what its record is to be appended with. Rejects when it cannot be written down, and with `forbidden` when the door is not ours
   * any more.
   */
  begin(request: BegunRequest): Promise<string>;
  /** Numbers the record and queues it for the file; never throws. Records are written in the order of the calls. */
  append(draft: AuditDraft, begun?: string | null): void;
  /** What was begun gets no record of its own. */
  forget(begun: string): void;
  /** False while records cannot be written: nothing may be let through that could not be recorded. */
  isWritable(): boolean;
  /** The number of the newest record. */
  lastNumber(): number;
  /** How it stands with the door now. */
  look(): Promise<Standing>;
  /** Goes on for whoever opened the door again: under that fencing number, and with greater numbers than `auditAfter`. */
  renew(opened: Pick<Door, "fence" | "auditAfter">): Promise<void>;
  /** Whole NDJSON lines with `n` > `after`, each once and in order, synced to disk before they are seen; ends when the log is closed. */
  follow(after: number, signal: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Writes what is queued and ends the followers once they have it. Throws `disk_full` when records could not be written. Nothing is written
   * when the door is not ours any more: who has it has written down what was under way.
   */
  close(): Promise<void>;
};

export type AuditOptions = {
  now: () => number;
  /** The control socket at which others can ask for the door; null: there is none. */
  control: string | null;
  /** Hears, in a sentence, what a person should know of. */
  note: (text: string) => void;
};

const CHUNK_BYTES = 64 * 1024;
/** Records of one write and sync. */
const BATCH = 500;
/** More records than this waiting for the disk count as a disk that does not keep up. */
const MAX_PENDING = 2_000;
const RETRY_MS = 1_000;
const NEWLINE = 10;
/** With it every line begins, see `lineOf`. */
const BEFORE_NUMBER = '{"n":'.length;

const numberOf = (lines: Buffer, lineAt: number): number =>
  Number.parseInt(lines.toString("latin1", lineAt + BEFORE_NUMBER, lineAt + BEFORE_NUMBER + 16), 10);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

type AuditDoor = Pick<Door, "auditPath" | "runId" | "fence" | "auditAfter">;
type Parts = AuditFile & { own: string; ownership: Ownership; begunLog: BegunLog };

const openParts = async (door: AuditDoor, options: AuditOptions): Promise<Parts> => {
  const { auditPath, fence } = door;
  const ownership = await takeOwnership(auditPath, { fence, control: options.control });
  let file: FileHandle | null = null;
  let begunLog: BegunLog | null = null;
  try {
    const taken = await takeAuditFile(door, { ownership, ...options });
    file = taken.file;
    begunLog = await openBegunLog(auditPath);
    // Whoever takes the door from now on finds what is written there.
    await checkOurs(await ownership.look());
    return { ...taken, own: await identityOf(file), ownership, begunLog };
  } catch (error) {
    await begunLog?.close();
    await file?.close();
    await ownership.release();
    throw error;
  }
};

/**
 * Makes the audit of a door ours, and goes on numbering where it ends. Whoever had it lets nothing through any more from then on; what they had
 * begun is recorded. Throws `forbidden` when the door was opened with a greater fencing number, `disk_full` or `unavailable` when it cannot be
 * opened now. The numbers of the lines grow, which is what makes `after` a matter of looking where they begin.
 */
export const openAuditLog = async (door: AuditDoor, options: AuditOptions): Promise<AuditLog> => {
  const { auditPath: path, runId } = door;
  const parts = await openParts(door, options).catch((error: unknown) => {
    throw auditError(path, error);
  });
  const { file, own, ownership, begunLog } = parts;
  let { size, lastNumber } = parts;

  const look = async (): Promise<Standing> => {
    const standing = await ownership.look();
    return standing === "ours" && (await identityAt(path)) !== own ? "missing" : standing;
  };

  const pending: { line: string; begun: string | null }[] = [];
  let writing: Promise<void> | null = null;
  let failure: unknown = null;
  let retry: NodeJS.Timeout | null = null;
  let isClosed = false;
  let isLost = false;
  let changed = Promise.withResolvers<void>();

  const wakeFollowers = () => {
    const woken = changed;
    changed = Promise.withResolvers<void>();
    woken.resolve();
  };

  const writePending = async (): Promise<void> => {
    while (pending.length > 0 && !isLost) {
      const batch = pending.slice(0, BATCH);
      const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
      try {
        // Always at the known end: what a failed write left behind is written over by the next one.
        await writeAll(file, bytes, size);
        await file.datasync();
        // Whoever takes the door from here on has these records: so nobody ever sees some that they do not have.
        isLost = (await look()) !== "ours";
        if (isLost) return;
      } catch (error) {
        failure = error;
        return;
      }
      failure = null;
      pending.splice(0, batch.length);
      size += bytes.length;
      begunLog.settle(batch.flatMap(({ begun }) => begun ?? []));
      wakeFollowers();
    }
  };

  const write = (): Promise<void> => {
    if (retry !== null) clearTimeout(retry);
    retry = null;
    writing ??= writePending().finally(() => {
      writing = null;
      if (failure === null || isClosed) return;
      retry = setTimeout(write, RETRY_MS);
      retry.unref();
    });
    return writing;
  };

  /** The log itself and its followers: the last one closes the file. */
  let users = 1;
  const leaveFile = async (): Promise<void> => {
    users -= 1;
    if (users === 0) await file.close();
  };

  const follow = async function* (after: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    if (users === 0) return;
    users += 1;
    const stopped = aborted(signal);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let [offset, isAfter] = [0, after === 0];
    try {
      while (!signal.aborted) {
        const change = changed.promise;
        const wasClosed = isClosed;
        while (offset < size && !signal.aborted) {
          const { bytesRead } = await file.read(chunk, 0, Math.min(CHUNK_BYTES, size - offset), offset);
          // A copy, since the consumer may hold it while the next chunk is read.
          const lines = Buffer.from(chunk.subarray(0, chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1));
          if (lines.length === 0) throw new CcrError("internal", `The audit file ${path} was changed by somebody else.`);
          offset += lines.length;
          let from = 0;
          while (!isAfter && from < lines.length) {
            isAfter = numberOf(lines, from) > after;
            if (!isAfter) from = lines.indexOf(NEWLINE, from) + 1;
          }
          if (from < lines.length) yield lines.subarray(from);
        }
        if (wasClosed) return;
        await Promise.race([change, stopped]);
      }
    } finally {
      await leaveFile();
    }
  };

  const append = (draft: AuditDraft, begun: string | null = null) => {
    lastNumber += 1;
    const record = { n: lastNumber, runId, ...draft, ...(begun === null ? {} : { begun }) };
    pending.push({ line: lineOf(record), begun });
    // After a failure the timer tries again, so that a full disk is not asked once per request.
    if (failure === null) void write();
  };

  return {
    begin: async (request) => {
      const name = await begunLog.begin(request);
      const standing = await look().catch((error: unknown) => {
        begunLog.forget(name);
        throw error;
      });
      // Only now that it is written: whoever has the door by now may have read it.
      await checkOurs(standing);
      return name;
    },
    append,
    forget: begunLog.forget,
    isWritable: () => failure === null && !isLost && pending.length < MAX_PENDING,
    lastNumber: () => lastNumber,
    look,
    renew: async ({ fence, auditAfter }) => {
      lastNumber = Math.max(lastNumber, auditAfter);
      await ownership.raise(fence).catch((error: unknown) => {
        throw auditError(path, error);
      });
    },
    follow,
    close: async () => {
      if (isClosed) return;
      await write();
      // One more try for what came while that write was under way, or failed.
      if (pending.length > 0) await write();
      isClosed = true;
      if (retry !== null) clearTimeout(retry);
      await leaveFile();
      isLost ||= (await look().catch(() => null)) !== "ours";
      await (isLost ? begunLog.leave() : begunLog.close());
      await ownership.release();
      wakeFollowers();
      if (!isLost && pending.length > 0) {
        throw new CcrError(
          "disk_full",
          `${pending.length} audit records could not be written to ${path} (${reasonOf(failure)}).`,
        );
      }
    },
  };
};
