import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 64 * 1024;
/** Longer than any line that we write. */
const LINE_MAX_BYTES = 64 * 1024;
const NEWLINE = 10;

/**
 * The whole lines of a file, as many at once as come with one read, without their ends. Null stands for one that is too long to be ours. What
 * follows the last line end is no line: whoever wrote it was cut.
 */
export async function* wholeLines(file: FileHandle): AsyncGenerator<(string | null)[]> {
  let rest = Buffer.alloc(0);
  let isTooLong = false;
  for (let offset = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, offset);
    if (bytesRead === 0) return;
    offset += bytesRead;
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    const lines: (string | null)[] = [];
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
      lines.push(isTooLong || at - from > LINE_MAX_BYTES ? null : bytes.toString("utf8", from, at));
      isTooLong = false;
      from = at + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > LINE_MAX_BYTES) {
      isTooLong = true;
      rest = Buffer.alloc(0);
    }
    yield lines;
  }
}
