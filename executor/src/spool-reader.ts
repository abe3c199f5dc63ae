import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { CcrError } from "@ccr/protocol";
import { openSegment, type Segment } from "./spool-recovery.ts";

const READ_BYTES = 256 * 1024;

/**
 * Reads events one after another over the spool's files, with one of them open at a time. A file that is removed meanwhile is read to its
 * end: what it holds does not change.
 */
export class SegmentReader implements AsyncDisposable {
  readonly #segmentOf: (seq: number) => Segment;
  #seq: number;
  #open: { segment: Segment; file: FileHandle; offset: number } | null = null;

  /** `segmentOf` gives the file that holds an event, or throws. */
  constructor(after: number, segmentOf: (seq: number) => Segment) {
    this.#seq = after;
    this.#segmentOf = segmentOf;
  }

  /** The last event of which everything was given. */
  get seq(): number {
    return this.#seq;
  }

  /** The next piece, up to the end of event `last` at most; null when that is reached. `last` must be on disk. */
  async next(last: number): Promise<Buffer | null> {
    if (this.#seq >= last) return null;
    const { segment, file, offset } = await this.#at(this.#seq + 1);
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, segment.bytes - offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) throw shorter(segment);
    const { end, lines } = skipLines(buffer.subarray(0, bytesRead), Math.min(last, segment.lastSeq) - this.#seq);
    this.#open = { segment, file, offset: offset + end };
    this.#seq += lines;
    return buffer.subarray(0, end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.file.close();
    this.#open = null;
  }

  async #at(seq: number): Promise<{ segment: Segment; file: FileHandle; offset: number }> {
    if (this.#open !== null) {
      if (seq <= this.#open.segment.lastSeq) return this.#open;
      await this[Symbol.asyncDispose]();
    }
    const segment = this.#segmentOf(seq);
    const file = await openSegment(segment.path, constants.O_RDONLY).catch((error: unknown) => {
      this.#segmentOf(seq); // says so when it was removed just now
      throw error;
    });
    this.#open = { segment, file, offset: 0 };
    let missing = seq - segment.firstSeq;
    while (missing > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, segment.bytes - this.#open.offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#open.offset);
      if (bytesRead === 0) throw shorter(segment);
      const { end, lines } = skipLines(buffer.subarray(0, bytesRead), missing);
      this.#open.offset += end;
      missing -= lines;
    }
    return this.#open;
  }
}

/** The end of the first `count` lines, or of what there is of them, and how many of them end there. */
const skipLines = (buffer: Buffer, count: number): { end: number; lines: number } => {
  let end = 0;
  for (let lines = 0; lines < count; lines += 1) {
    const newline = buffer.indexOf(10, end);
    if (newline === -1) return { end: buffer.length, lines };
    end = newline + 1;
  }
  return { end, lines: count };
};

const shorter = ({ path }: Segment): CcrError =>
  new CcrError("internal", `${path} is shorter than what was written to it: somebody else has changed it.`);
