// Enough for the first error and for the summary at the end; together they still fit into a prompt.
const PART_BYTES = 128 * 1024;

/** Keeps the beginning and the end of a long output in bounded memory. */
export class HeadAndTail {
  readonly #partBytes: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #cutBytes = 0;

  constructor(partBytes = PART_BYTES) {
    this.#partBytes = partBytes;
  }

  add(chunk: Buffer): void {
    const room = this.#partBytes - this.#headBytes;
    const first = chunk.subarray(0, Math.max(0, room));
    if (first.length > 0) {
      this.#head.push(Buffer.from(first));
      this.#headBytes += first.length;
    }
    const rest = chunk.subarray(first.length);
    if (rest.length === 0) return;
    this.#tail.push(Buffer.from(rest));
    this.#tailBytes += rest.length;
    if (this.#tailBytes > 2 * this.#partBytes) this.#shorten();
  }

  /** The text, with a line in place of what was cut out. What is not UTF-8 is replaced by U+FFFD. */
  finish(): { text: string; truncated: boolean } {
    this.#shorten();
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    if (this.#cutBytes === 0) return { text: Buffer.concat([head, tail]).toString("utf8"), truncated: false };
    // Not in the middle of a character.
    let headEnd = head.length;
    while (headEnd > 0 && head.length - headEnd < 4 && ((head[headEnd - 1] ?? 0) & 0xc0) === 0x80) headEnd -= 1;
    if (headEnd > 0 && (head[headEnd - 1] ?? 0) >= 0xc0) headEnd -= 1;
    let tailStart = 0;
    while (tailStart < 4 && ((tail[tailStart] ?? 0) & 0xc0) === 0x80) tailStart += 1;
    const cut = this.#cutBytes + (head.length - headEnd) + tailStart;
    const text = `${head.toString("utf8", 0, headEnd)}\n[… ${cut} bytes were cut out here …]\n${tail.toString("utf8", tailStart)}`;
    return { text, truncated: true };
  }

  #shorten(): void {
    const all = Buffer.concat(this.#tail);
    const kept = all.subarray(Math.max(0, all.length - this.#partBytes));
    this.#cutBytes += all.length - kept.length;
    this.#tail = kept.length === 0 ? [] : [kept];
    this.#tailBytes = kept.length;
  }
}
