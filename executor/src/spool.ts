import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type AgentBody, CcrError, type RunnerBody, SPOOL_FILE } from "@ccr/protocol";
import { Bell } from "./bell.ts";
import { deservesLandmark, type Landmark, type RecoveredSpool, recoverSpool } from "./spool-recovery.ts";

export type SpoolBody = { source: "agent"; body: AgentBody } | { source: "runner"; body: RunnerBody };

/** Where an event came to lie: its number, and the length of the file up to its end. */
export interface Spooled {
  seq: number;
  endOffset: number;
}

export interface ReadOptions {
  /** Give events with a greater `seq`. */
  after: number;
  /** The length of the file at which reading ends; null as long as that is not known. */
  end: () => number | null;
  signal: AbortSignal;
}

interface Waiting {
  source: SpoolBody["source"];
  json: string;
  resolve: (spooled: Spooled) => void;
  reject: (error: CcrError) => void;
}

const READ_BYTES = 256 * 1024;
// One write of this size already costs more than its sync: a longer batch would only make the first of it wait.
const BATCH_BYTES = 8 * 1024 * 1024;
// Enough for one sync to take many; few enough that what waits stays small.
const WAITING_MAX = 512;
/** Kept free for the event that says that the disk is full. */
const RESERVE_BYTES = 256 * 1024;

const diskError = (error: unknown): CcrError => {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT"
    ? new CcrError(
        "disk_full",
        "The disk of the sandbox is full: the event spool cannot grow. Free some space, or allow the run more disk.",
        {
          cause: error,
        },
      )
    : new CcrError("internal", `The event spool cannot be written: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
};

/**
 * The synced event file. An event gets the next number when it is written, and is seen by readers (and its `append` resolves) only once it
 * is on disk; events that come while a sync is going on share the next one. Readers read from the file, so a slow one costs no memory.
 */
export class Spool implements AsyncDisposable {
  readonly recovered: RecoveredSpool;
  readonly #file: FileHandle;
  readonly #reservePath: string;
  readonly #now: () => Date;
  readonly #landmarks: Landmark[];
  readonly #bell = new Bell();
  readonly #waiting: Waiting[] = [];
  #waitingCharacters = 0;
  #lastSeq: number;
  #length: number;
  #writing: Promise<void> | null = null;
  #failure: CcrError | null = null;

  private constructor(
    file: FileHandle,
    recovered: RecoveredSpool,
    { reservePath, now }: { reservePath: string; now: () => Date },
  ) {
    this.recovered = recovered;
    this.#file = file;
    this.#reservePath = reservePath;
    this.#now = now;
    this.#landmarks = recovered.landmarks;
    this.#lastSeq = recovered.lastSeq;
    this.#length = recovered.length;
  }

  /** Opens the spool of a folder, or begins one; cuts off a torn last line. */
  static async open(folder: string, now: () => Date = () => new Date()): Promise<Spool> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(join(folder, SPOOL_FILE), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const recovered = await recoverSpool(file);
      await file.truncate(recovered.length);
      await file.sync();
      await syncFolder(folder);
      const spool = new Spool(file, recovered, { reservePath: join(folder, "reserve"), now });
      await spool.#reserve().catch(() => {}); // with a full disk the spool can still be read; writing will say what is wrong
      return spool;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The number of the newest event that is on disk. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** The length of what is on disk, in bytes. */
  get length(): number {
    return this.#length;
  }

  /**
   * Resolves once the event is on disk; order is the order of calls. Rejects with `unprocessable` for what cannot be JSON; when the disk
   * refuses, rejects together with every event that waits behind it.
   */
  append({ source, body }: SpoolBody): Promise<Spooled> {
    return new Promise((resolve, reject) => {
      let json: string;
      try {
        json = JSON.stringify(body);
      } catch (error) {
        return reject(new CcrError("unprocessable", "The event cannot be written as JSON.", { cause: error }));
      }
      this.#waiting.push({ source, json, resolve, reject });
      this.#waitingCharacters += json.length;
      this.#writing ??= this.#write();
    });
  }

  /** Resolves once all events are on disk, or refused, that were appended before; at once when few are on their way. */
  async settle(): Promise<void> {
    if (this.#waiting.length < WAITING_MAX && this.#waitingCharacters < BATCH_BYTES) return;
    await this.#writing;
  }

  /** Throws `disk_full` when there is no room for the event that would have to say so. */
  async ensureRoom(): Promise<void> {
    try {
      await this.#reserve();
      this.#failure = null;
    } catch (error) {
      throw diskError(error);
    }
  }

  /** Gives the room back that was kept free, so that a last event can be written on a full disk. */
  async releaseReserve(): Promise<void> {
    await rm(this.#reservePath, { force: true });
  }

  /** Readers that have read everything get this error instead of waiting. Ends with the next `ensureRoom` that succeeds. */
  fail(error: CcrError): void {
    this.#failure = error;
    this.#bell.ring();
  }

  /** What `read` would throw once it has given everything; null as long as all is well. */
  get failure(): CcrError | null {
    return this.#failure;
  }

  /** Wakes readers, so that they ask for their `end` again. */
  wake(): void {
    this.#bell.ring();
  }

  /** Gives whole lines in order, in pieces that need not end with a line; follows what is written until `end`. */
  async *read({ after, end, signal }: ReadOptions): AsyncGenerator<Buffer, void> {
    let offset = await this.#offsetAfter(after);
    for (;;) {
      const stop = end();
      const limit = Math.min(stop ?? this.#length, this.#length);
      if (offset >= limit) {
        if ((stop !== null && offset >= stop) || signal.aborted) return;
        if (this.#failure !== null) throw this.#failure;
        await this.#bell.wait(signal);
        continue;
      }
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, limit - offset));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) throw new CcrError("internal", "The event spool is shorter than what was written to it.");
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const { batch, chunks, ends } = this.#nextBatch();
        try {
          await this.#writeAll(Buffer.concat(chunks), this.#length);
          await this.#file.datasync();
        } catch (error) {
          await this.#file.truncate(this.#length).catch(() => {}); // what is behind the length is never read, and is cut off at the next start
          const failure = diskError(error);
          for (const each of [...batch, ...this.#waiting.splice(0)]) each.reject(failure);
          this.#waitingCharacters = 0;
          return;
        }
        const base = this.#length;
        batch.forEach((each, index) => {
          const seq = this.#lastSeq + 1;
          const offset = this.#length;
          if (deservesLandmark(this.#landmarks, { seq, offset })) this.#landmarks.push({ seq, offset });
          this.#lastSeq = seq;
          this.#length = base + (ends[index] ?? 0);
          each.resolve({ seq, endOffset: this.#length });
        });
        this.#bell.ring();
      }
    } finally {
      this.#writing = null;
    }
  }

  #nextBatch(): { batch: Waiting[]; chunks: Buffer[]; ends: number[] } {
    const chunks: Buffer[] = [];
    const ends: number[] = [];
    let bytes = 0;
    let count = 0;
    const at = this.#now().toISOString();
    for (const { source, json } of this.#waiting) {
      if (bytes >= BATCH_BYTES) break;
      const line = Buffer.from(`{"seq":${this.#lastSeq + 1 + count},"at":"${at}","source":"${source}","body":${json}}\n`);
      chunks.push(line);
      bytes += line.length;
      ends.push(bytes);
      count += 1;
    }
    const batch = this.#waiting.splice(0, count);
    for (const { json } of batch) this.#waitingCharacters -= json.length;
    return { batch, chunks, ends };
  }

  async #writeAll(buffer: Buffer, offset: number): Promise<void> {
    let written = 0;
    while (written < buffer.length) {
      const { bytesWritten } = await this.#file.write(buffer, written, buffer.length - written, offset + written);
      written += bytesWritten;
    }
  }

  async #offsetAfter(after: number): Promise<number> {
    if (after >= this.#lastSeq) return this.#length;
    let low = 0;
    let high = this.#landmarks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#landmarks[middle]?.seq ?? 0) <= after + 1) low = middle;
      else high = middle - 1;
    }
    const mark = this.#landmarks[low] ?? { seq: 1, offset: 0 };
    let { offset } = mark;
    let missing = after + 1 - mark.seq;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    while (missing > 0) {
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(READ_BYTES, this.#length - offset), offset);
      if (bytesRead === 0) throw new CcrError("internal", "The event spool is shorter than its index says.");
      const chunk = buffer.subarray(0, bytesRead);
      let from = 0;
      while (missing > 0) {
        const newline = chunk.indexOf(10, from);
        if (newline === -1) break;
        from = newline + 1;
        missing -= 1;
      }
      offset += missing > 0 ? bytesRead : from;
    }
    return offset;
  }

  async #reserve(): Promise<void> {
    const { size } = await stat(this.#reservePath).catch(() => ({ size: 0 }));
    if (size >= RESERVE_BYTES) return;
    const file = await open(this.#reservePath, "w", 0o600);
    try {
      await file.writeFile(Buffer.alloc(RESERVE_BYTES));
      await file.datasync();
    } catch (error) {
      await rm(this.#reservePath, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
