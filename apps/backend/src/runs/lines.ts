/** A line is longer than the reader is willing to hold. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
}

/** The lines of a byte stream, without their ends; a last line without an end is a cut stream and is left out. Throws `LineTooLongError`. */
export async function* lines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      yield Buffer.concat(pending).toString("utf8");
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > maxBytes) throw new LineTooLongError(`a line is longer than ${maxBytes} bytes`);
  }
}
