import { constants, type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { AuditRecord, CcrError, type RunId } from "@ccr/protocol";
import { type BegunLog, type BegunRequest, begunPath, openBegunLog } from "./begun.ts";
import { reasonOf } from "./reason.ts";

/** A record before it has its number. */
export type AuditDraft = Omit<AuditRecord, "n" | "runId">;

/** The audit file of one run. */
export type AuditLog = {
  /**
   * To be awaited before a request goes on to its server: whatever then ends this process, the request has a record when the log is opened
   * again. Gives what its record is to be appended with. Rejects when it cannot be written down.
   */
  begin(request: BegunRequest): Promise<string>;
  /** Numbers the record and queues it for the file; never throws. Records are written in the order of the calls. */
  append(draft: AuditDraft, begun?: string | null): void;
  /** What was begun gets no record of its own. */
  forget(begun: string): void;
  /** False while records cannot be written: nothing may be let through that could not be recorded. */
  isWritable(): boolean;
  /** Whole NDJSON lines with `n` > `after`, each once and in order, synced to disk before they are seen; ends when the log is closed. */
  follow(after: number, signal: AbortSignal): AsyncIterable<Buffer>;
  /** Writes what is queued and ends the followers once they have it. Throws `disk_full` when records could not be written. */
  close(): Promise<void>;
};

const CHUNK_BYTES = 64 * 1024;
/** Records of one write and sync. */
const BATCH = 500;
/** More records than this waiting for the disk count as a disk that does not keep up. */
const MAX_PENDING = 2_000;
const RETRY_MS = 1_000;
const NEWLINE = 10;

/** Where the whole lines of a file end, how many they are, and where the last of them starts. */
const measure = async (file: FileHandle): Promise<{ size: number; lines: number; lastLineAt: number }> => {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let [size, lines, lastLineAt, offset] = [0, 0, 0, 0];
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
    if (bytesRead === 0) return { size, lines, lastLineAt };
    const read = chunk.subarray(0, bytesRead);
    for (let at = read.indexOf(NEWLINE); at !== -1; at = read.indexOf(NEWLINE, at + 1)) {
      lastLineAt = size;
      size = offset + at + 1;
      lines += 1;
    }
    offset += bytesRead;
  }
};

const numberOfLastLine = async (file: FileHandle, from: number, to: number): Promise<number | null> => {
  if (to - from > CHUNK_BYTES) return null;
  const line = Buffer.alloc(to - from);
  await file.read(line, 0, line.length, from);
  try {
    return AuditRecord.pick({ n: true }).parse(JSON.parse(line.toString())).n;
  } catch {
    return null;
  }
};

/** Which of the names of `begun` lines have a record in the file. */
const recordedNames = async (file: FileHandle, size: number): Promise<string[]> => {
  if (size === 0) return [];
  const names: string[] = [];
  const input = file.createReadStream({ start: 0, end: size - 1, autoClose: false });
  for await (const line of createInterface({ input })) {
    // Within a text its quotes would be escaped.
    const name = /"begun":"([^"]*)"/.exec(line)?.[1];
    if (name !== undefined) names.push(name);
  }
  return names;
};

const writeAll = async (file: FileHandle, bytes: Buffer, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  await file.datasync();
};

const opened = async <File>(path: string, opening: Promise<File>): Promise<File> => {
  try {
    return await opening;
  } catch (error) {
    throw new CcrError(
      "bad_request",
      `The audit file ${path} cannot be opened (${reasonOf(error)}). Its folder must exist and be writable.`,
    );
  }
};

// Never through a link: the file is written with the gateway's rights.
const openFile = (path: string): Promise<FileHandle> =>
  opened(path, open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));

/** The record of a request that was under way when its gateway ended. */
const interrupted = ({ rule, ...request }: BegunRequest, now: number): AuditDraft => ({
  ...request,
  decision: "allowed",
  rule: `${rule}; the gateway ended before the request did`,
  status: null,
  bytesUp: 0,
  bytesDown: 0,
  durationMs: Math.max(0, now - Date.parse(request.at)),
  usage: null,
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/**
 * Opens the audit file of a run and goes on numbering where it ends; a torn last line is cut off, and what was begun and never recorded,
 * because the gateway was killed, is recorded now. One log per file at a time. Line k of the file is record k, which is what makes `after`
 * a matter of counting lines.
 */
export const openAuditLog = async (path: string, runId: RunId, now: () => number = Date.now): Promise<AuditLog> => {
  const file = await openFile(path);
  let size: number;
  let lastNumber: number;
  let begunLog: BegunLog;
  try {
    const measured = await measure(file);
    const { lines, lastLineAt } = measured;
    if (lines > 0 && (await numberOfLastLine(file, lastLineAt, measured.size)) !== lines) {
      throw new CcrError(
        "unprocessable",
        `The audit file ${path} is damaged: its last record is not number ${lines}. Move it away.`,
      );
    }
    await file.truncate(measured.size);
    size = measured.size;
    lastNumber = lines;
    begunLog = await opened(path, openBegunLog(begunPath(path)));
    if (begunLog.found > 0) begunLog.settle(await recordedNames(file, size));
  } catch (error) {
    await file.close();
    throw error;
  }

  const pending: { line: string; begun: string | null }[] = [];
  let writing: Promise<void> | null = null;
  let failure: unknown = null;
  let retry: NodeJS.Timeout | null = null;
  let isClosed = false;
  let changed = Promise.withResolvers<void>();

  const wakeFollowers = () => {
    const woken = changed;
    changed = Promise.withResolvers<void>();
    woken.resolve();
  };

  const writePending = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH);
      const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
      try {
        // Always at the known end: what a failed write left behind is written over by the next one.
        await writeAll(file, bytes, size);
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

  const follow = async function* (after: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const reader = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const stopped = aborted(signal);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let [offset, toSkip] = [0, after];
    try {
      while (!signal.aborted) {
        const change = changed.promise;
        const wasClosed = isClosed;
        while (offset < size && !signal.aborted) {
          const { bytesRead } = await reader.read(chunk, 0, Math.min(CHUNK_BYTES, size - offset), offset);
          // A copy, since the consumer may hold it while the next chunk is read.
          const lines = Buffer.from(chunk.subarray(0, chunk.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1));
          if (lines.length === 0) throw new CcrError("internal", `The audit file ${path} was changed by somebody else.`);
          offset += lines.length;
          let from = 0;
          for (; toSkip > 0 && from < lines.length; toSkip -= 1) from = lines.indexOf(NEWLINE, from) + 1;
          if (from < lines.length) yield lines.subarray(from);
        }
        if (wasClosed) return;
        await Promise.race([change, stopped]);
      }
    } finally {
      await reader.close();
    }
  };

  const append = (draft: AuditDraft, begun: string | null = null) => {
    lastNumber += 1;
    const record = { n: lastNumber, runId, ...draft, ...(begun === null ? {} : { begun }) };
    pending.push({ line: `${JSON.stringify(record)}\n`, begun });
    // After a failure the timer tries again, so that a full disk is not asked once per request.
    if (failure === null) void write();
  };
  for (const [name, request] of begunLog.unsettled()) append(interrupted(request, now()), name);

  return {
    begin: begunLog.begin,
    append,
    forget: begunLog.forget,
    isWritable: () => failure === null && pending.length < MAX_PENDING,
    follow,
    close: async () => {
      if (isClosed) return;
      await write();
      // One more try for what came while that write was under way, or failed.
      if (pending.length > 0) await write();
      isClosed = true;
      if (retry !== null) clearTimeout(retry);
      await file.close();
      await begunLog.close();
      wakeFollowers();
      if (pending.length > 0) {
        throw new CcrError(
          "disk_full",
          `${pending.length} audit records could not be written to ${path} (${reasonOf(failure)}).`,
        );
      }
    },
  };
};
