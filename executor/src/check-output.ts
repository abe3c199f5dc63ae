import { constants, createWriteStream, type WriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CHECK_OUTPUT_MAX_BYTES } from "@ccr/protocol";
import { syncFolder } from "./durable-file.ts";

// As much may wait for the disk before the command has to; many times what a pipe holds, so that one that prints in bursts does not.
const BEHIND_BYTES = 4 * 1024 * 1024;

/** Without following a link, and without waiting for whoever writes to a pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Writes all that a command prints to a file beside `path`, which takes its name when it is whole and wanted. Never throws: a file that the
 * disk does not take is removed at once.
 */
export class OutputFile {
  readonly #path: string;
  readonly #fresh: string;
  readonly #maxBytes: number;
  readonly #stream: WriteStream;
  readonly #closed: Promise<void>;
  #bytes = 0;
  #isCut = false;
  #hasFailed = false;

  constructor(path: string, maxBytes = CHECK_OUTPUT_MAX_BYTES) {
    this.#path = path;
    this.#fresh = `${path}.new`;
    this.#maxBytes = maxBytes;
    this.#stream = createWriteStream(this.#fresh, { mode: 0o600, highWaterMark: BEHIND_BYTES, flush: true });
    this.#closed = new Promise((resolve) => this.#stream.once("close", () => resolve()));
    this.#stream.once("error", () => {
      this.#hasFailed = true;
      void rm(this.#fresh, { force: true }).catch(() => {}); // `end` tries it again
    });
  }

  /** Takes a piece; false when whoever prints should wait for `caughtUp`. */
  add(chunk: Buffer): boolean {
    if (this.#hasFailed) return true;
    const piece = chunk.subarray(0, this.#maxBytes - this.#bytes);
    this.#isCut ||= piece.length < chunk.length;
    if (piece.length === 0) return true;
    this.#bytes += piece.length;
    return this.#stream.write(piece);
  }

  /** Resolves when the disk has taken what was added, or takes nothing any more. */
  async caughtUp(): Promise<void> {
    if (!this.#stream.writableNeedDrain) return;
    await Promise.race([new Promise<void>((resolve) => this.#stream.once("drain", () => resolve())), this.#closed]);
  }

  /** Resolves when the file is on disk under its name, or is gone. Nothing may be added any more. */
  async end(isWanted: boolean): Promise<void> {
    if (!isWanted) this.#stream.destroy();
    else if (this.#isCut)
      this.#stream.end(`\n[… the rest is not kept: the output is longer than ${describe(this.#maxBytes)} …]\n`);
    else this.#stream.end();
    await this.#closed;
    try {
      if (isWanted && !this.#hasFailed) {
        await rename(this.#fresh, this.#path);
        await syncFolder(dirname(this.#path));
        return;
      }
    } catch {
      // It is then removed like one that nobody wants.
    }
    for (const path of [this.#fresh, this.#path]) await rm(path, { force: true }).catch(() => {}); // the next start clears it
  }
}

const describe = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MiB`;

/** The bytes of a file that is whole; null when there is none. A command can write there: what is no plain file is none. */
export const readOutput = async (
  path: string,
  signal: AbortSignal,
): Promise<{ length: number; chunks: AsyncIterable<Buffer> } | null> => {
  const file = await open(path, FLAGS).catch(() => null);
  if (file === null) return null;
  const found = await file.stat();
  if (!found.isFile() || signal.aborted) {
    await file.close();
    return null;
  }
  const { size: length } = found;
  signal.addEventListener("abort", () => void file.close().catch(() => {}), { once: true });
  return {
    length,
    chunks: (async function* () {
      try {
        if (length === 0) return;
        for await (const chunk of file.createReadStream({ end: length - 1, autoClose: false }))
          if (Buffer.isBuffer(chunk)) yield chunk;
      } finally {
        await file.close().catch(() => {}); // the reader left, and it is closed already
      }
    })(),
  };
};
