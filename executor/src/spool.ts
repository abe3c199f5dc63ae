import { constants } from "node:fs";
import { type FileHandle, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AgentBody, CcrError, type SpooledRunnerBody, spoolFileName } from "@ccr/protocol";
import { Bell } from "./bell.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { isDiskFull, syncFolder } from "./durable-file.ts";
import { writeCheckpoint } from "./spool-checkpoint.ts";
import type { DigestEntry, DigestState, SpoolDigest } from "./spool-digest.ts";
import { SegmentReader } from "./spool-reader.ts";
import { openSegment, positionOf, type RecoveredSpool, recoverSpool, type Segment } from "./spool-recovery.ts";

export type SpoolBody = { source: "agent"; judges?: true; body: AgentBody } | { source: "runner"; body: SpooledRunnerBody };

export interface ReadOptions {
  /** Give events with a greater `seq`. */
  after: number;
  /** The `seq` of the last event to give; null as long as that is not known. */
  end: () => number | null;
  signal: AbortSignal;
}

interface Waiting {
  entry: DigestEntry;
  /** What stands between the time and the body. */
  kind: string;
  json: string;
  resolve: (spooled: { seq: number }) => void;
  reject: (error: CcrError) => void;
}

/**
 * A file is removed as a whole, so this is what stays on the disk behind an acknowledgement, and what is read to find a line. Large enough
 * that beginning a file costs nothing beside filling it.
 */
const SEGMENT_BYTES = 4 * 1024 * 1024;
// Enough for one sync to take many; few enough that what waits stays small.
const WAITING_MAX = 512;
const WAITING_CHARACTERS = 8 * 1024 * 1024;

const diskError = (error: unknown): CcrError =>
  error instanceof CcrError
    ? error
    : isDiskFull(error)
      ? new CcrError(
          "disk_full",
          "The disk of the sandbox is full: the event spool cannot grow. Free some space, or allow the run more disk.",
          { cause: error },
        )
      : new CcrError("internal", `The event spool cannot be written: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });

/**
 * The synced event files. An event gets the next number when it is written, and is seen by readers (and its `append` resolves) only once it
 * is on disk; events that come while a sync is going on share the next one. Readers read from the files, so a slow one costs no memory; one
 * file is open for writing and one for each reader. What was acknowledged goes, but its numbers are never given again.
 */
export class Spool implements AsyncDisposable {
  /** What was found at the start. */
  readonly recovered: DigestState;
  readonly #folder: string;
  readonly #reserve: DiskReserve;
  readonly #now: () => Date;
  readonly #segments: Segment[];
  readonly #digest: SpoolDigest;
  readonly #bell = new Bell();
  readonly #waiting: Waiting[] = [];
  #waitingCharacters = 0;
  #lastSeq: number;
  #ackedSeq: number;
  #ackWanted = 0;
  #acking: Promise<void> = Promise.resolve();
  /** The file that is written to: the last of the segments. */
  #file: FileHandle | null = null;
  #writing: Promise<void> | null = null;
  #failure: CcrError | null = null;

  private constructor(folder: string, recovered: RecoveredSpool, now: () => Date) {
    this.recovered = recovered.found;
    this.#folder = folder;
    this.#reserve = new DiskReserve(join(folder, "reserve"));
    this.#now = now;
    this.#segments = recovered.segments;
    this.#digest = recovered.digest;
    this.#lastSeq = recovered.lastSeq;
    this.#ackedSeq = recovered.ackedSeq;
  }

  /** Opens the spool of a folder, or begins one; cuts off a torn last line. Nobody else may have it open. */
  static async open(folder: string, now: () => Date = () => new Date()): Promise<Spool> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const spool = new Spool(folder, await recoverSpool(folder), now);
    await spool.#openLast();
    await spool.#reserve.take().catch(() => {}); // with a full disk the spool can still be read; writing will say what is wrong
    return spool;
  }

  /** The number of the newest event that is on disk. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Everything up to this number may be gone. */
  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  /** What the events take on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How an execution ended, in a word or two; null for one that has not, or is not known. */
  endingOf(executionId: string): string | null {
    return this.#digest.endingOf(executionId);
  }

  /**
   * Resolves once the event is on disk; order is the order of calls. Rejects with `unprocessable` for what cannot be JSON; when the disk
   * refuses, rejects together with every event that waits behind it.
   */
  append(event: SpoolBody): Promise<{ seq: number }> {
    return new Promise((resolve, reject) => {
      let json: string;
      try {
        json = JSON.stringify(event.body);
      } catch (error) {
        return reject(new CcrError("unprocessable", "The event cannot be written as JSON.", { cause: error }));
      }
      const entry: DigestEntry = event.source === "agent" ? { source: "agent", ...positionOf(event) } : event;
      const kind = `"source":"${event.source}"${event.source === "agent" && event.judges ? ',"judges":true' : ""}`;
      this.#waiting.push({ entry, kind, json, resolve, reject });
      this.#waitingCharacters += json.length;
      this.#writing ??= this.#write();
    });
  }

  /** Resolves once all events are on disk, or refused, that were appended before; at once when few are on their way. */
  async settle(): Promise<void> {
    if (this.#waiting.length < WAITING_MAX && this.#waitingCharacters < WAITING_CHARACTERS) return;
    await this.#writing;
  }

  /**
   * Everything up to `seq` is stored elsewhere: files that hold nothing else are removed. Resolves, with the greatest number ever
   * acknowledged, once that is on disk. Idempotent; throws `bad_request` for a number that no event has yet.
   */
  async ack(seq: number): Promise<number> {
    if (seq > this.#lastSeq) {
      throw new CcrError("bad_request", `seq: ${seq} is beyond the last event, which has the number ${this.#lastSeq}`);
    }
    this.#ackWanted = Math.max(this.#ackWanted, seq);
    const done = this.#acking.then(() => this.#acknowledge(this.#ackWanted));
    this.#acking = done.catch(() => {});
    await done;
    return this.#ackedSeq;
  }

  /** Throws `disk_full` when there is no room for an execution, or for the event that would have to say so. */
  async ensureRoom(): Promise<void> {
    try {
      await this.#reserve.take();
    } catch (error) {
      throw diskError(error);
    }
    if (!(await this.#reserve.hasRoom())) throw diskError(Object.assign(new Error("no room"), { code: "ENOSPC" }));
    this.#failure = null;
  }

  /** Gives the room back that was kept free, so that a last event can be written on a full disk. */
  releaseReserve(): Promise<void> {
    return this.#reserve.release();
  }

  /** Does a piece of work that writes little into the spool's folder; on a full disk with the room that was kept free. */
  async withReserve<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#reserve.lend(work);
    } catch (error) {
      throw isDiskFull(error) ? diskError(error) : error;
    }
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

  /** Throws when `read` could not begin there: `bad_request` beyond the end, `conflict` for what is acknowledged, or missing. */
  assertReadable(after: number): void {
    if (after > this.#lastSeq) {
      throw new CcrError("bad_request", `after: ${after} is beyond the last event, which has the number ${this.#lastSeq}`);
    }
    if (after < this.#ackedSeq) throw this.#acknowledged(after);
    if (after < this.#lastSeq) this.#segmentOf(after + 1);
  }

  /**
   * Gives whole lines in order, in pieces that need not end with a line; follows what is written until `end`. Throws `conflict` rather
   * than leave events out that are acknowledged, or missing.
   */
  async *read({ after, end, signal }: ReadOptions): AsyncGenerator<Buffer, void> {
    await using reader = new SegmentReader(after, (seq) => this.#segmentOf(seq));
    if (after < this.#ackedSeq) throw this.#acknowledged(after);
    for (;;) {
      const stop = end();
      if ((stop !== null && reader.seq >= stop) || signal.aborted) return;
      const chunk = await reader.next(Math.min(stop ?? this.#lastSeq, this.#lastSeq));
      if (chunk !== null) yield chunk;
      else if (this.#failure !== null) throw this.#failure;
      else if (reader.seq >= this.#lastSeq && end() === stop) await this.#bell.wait(signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    await this.#acking;
    await this.#file?.close();
    this.#file = null;
  }

  #segmentOf(seq: number): Segment {
    const segment = this.#segments.findLast(({ firstSeq }) => firstSeq <= seq);
    if (segment !== undefined && seq <= segment.lastSeq) return segment;
    if (seq <= this.#ackedSeq) throw this.#acknowledged(seq - 1);
    const next = this.#segments.find(({ firstSeq }) => firstSeq > seq);
    const upTo = (next?.firstSeq ?? this.#lastSeq + 1) - 1;
    throw new CcrError(
      "conflict",
      `The events ${seq} to ${upTo} are missing from the spool: a file of it was removed or damaged. Go on after ${upTo}.`,
    );
  }

  #acknowledged(after: number): CcrError {
    return new CcrError(
      "conflict",
      `The events after ${after} may be gone: everything up to ${this.#ackedSeq} was acknowledged. Ask for what comes after ${this.#ackedSeq}.`,
    );
  }

  async #openLast(): Promise<void> {
    const last = this.#segments.at(-1);
    // Behind a file that is less than what was acknowledged, numbers would be given again.
    if (last === undefined || last.lastSeq < this.#lastSeq) return;
    this.#file = await openSegment(last.path, constants.O_RDWR);
    await this.#file.truncate(last.bytes);
    await this.#file.sync();
    await syncFolder(this.#folder);
  }

  /** The file to write the next event to. */
  async #writable(): Promise<{ file: FileHandle; segment: Segment }> {
    const current = this.#segments.at(-1);
    if (this.#file !== null && current !== undefined && current.bytes < SEGMENT_BYTES)
      return { file: this.#file, segment: current };
    const firstSeq = this.#lastSeq + 1;
    const path = join(this.#folder, spoolFileName(firstSeq));
    const file = await openSegment(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC);
    try {
      await syncFolder(this.#folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    const full = this.#file;
    const segment: Segment = { firstSeq, path, lastSeq: firstSeq - 1, bytes: 0 };
    this.#segments.push(segment);
    this.#file = file;
    await full?.close();
    return { file, segment };
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        let batch: Waiting[] = [];
        let before: { file: FileHandle; bytes: number } | null = null;
        try {
          const { file, segment } = await this.#writable();
          before = { file, bytes: segment.bytes };
          const next = this.#nextBatch(SEGMENT_BYTES - segment.bytes);
          batch = next.batch;
          await writeAll(file, next.bytes, segment.bytes);
          await file.datasync();
          segment.bytes += next.bytes.length;
          segment.lastSeq += batch.length;
        } catch (error) {
          await before?.file.truncate(before.bytes).catch(() => {}); // what is behind the length is never read, and is cut off at the next start
          const failure = diskError(error);
          for (const each of [...batch, ...this.#waiting.splice(0)]) each.reject(failure);
          this.#waitingCharacters = 0;
          return;
        }
        for (const { entry, resolve } of batch) {
          this.#lastSeq += 1;
          this.#digest.take(this.#lastSeq, entry);
          resolve({ seq: this.#lastSeq });
        }
        this.#bell.ring();
      }
    } finally {
      this.#writing = null;
    }
  }

  /** At least one event, and no more than fit into `room`: in one write, and with one sync. */
  #nextBatch(room: number): { batch: Waiting[]; bytes: Buffer } {
    const lines: Buffer[] = [];
    let bytes = 0;
    const at = this.#now().toISOString();
    for (const { kind, json } of this.#waiting) {
      if (bytes >= room) break;
      const seq = this.#lastSeq + 1 + lines.length;
      const line = Buffer.from(`{"seq":${seq},"at":"${at}",${kind},"body":${json}}\n`);
      lines.push(line);
      bytes += line.length;
    }
    const batch = this.#waiting.splice(0, lines.length);
    for (const { json } of batch) this.#waitingCharacters -= json.length;
    return { batch, bytes: Buffer.concat(lines) };
  }

  async #acknowledge(seq: number): Promise<void> {
    if (seq <= this.#ackedSeq) return;
    // The last file stays: what is written next belongs there.
    const kept = this.#segments.findIndex((each, index) => each.lastSeq > seq || index === this.#segments.length - 1);
    const removed = this.#segments.slice(0, Math.max(0, kept));
    const keptFromSeq = this.#segments[kept]?.firstSeq ?? this.#lastSeq + 1;
    const checkpoint = { version: 1 as const, ackedSeq: seq, keptFromSeq, ...this.#digest.get() };
    await this.withReserve(() => writeCheckpoint(this.#folder, checkpoint));
    this.#ackedSeq = seq;
    this.#segments.splice(0, removed.length);
    // A file that cannot be removed now is removed at the next start.
    for (const { path } of removed) await rm(path, { force: true }).catch(() => {});
  }
}

const writeAll = async (file: FileHandle, buffer: Buffer, offset: number): Promise<void> => {
  let written = 0;
  while (written < buffer.length) {
    const { bytesWritten } = await file.write(buffer, written, buffer.length - written, offset + written);
    written += bytesWritten;
  }
};
