/** The last bytes of an output that never ends, each known by how many came before it. */
export class Scrollback {
  readonly #ring: Buffer;
  #end = 0;

  constructor(maxBytes: number) {
    this.#ring = Buffer.alloc(maxBytes);
  }

  /** The first byte that is kept. */
  get begin(): number {
    return Math.max(0, this.#end - this.#ring.length);
  }

  /** How many bytes there were. */
  get end(): number {
    return this.#end;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(Math.max(0, chunk.length - this.#ring.length));
    let at = (this.#end + chunk.length - kept.length) % this.#ring.length;
    for (let from = 0; from < kept.length; ) {
      const copied = kept.copy(this.#ring, at, from);
      from += copied;
      at = (at + copied) % this.#ring.length;
    }
    this.#end += chunk.length;
  }

  /** What came after so many bytes, or after those that are not kept any more; null: nothing yet. A copy. */
  read(after: number, maxBytes: number): { at: number; data: Buffer } | null {
    const at = Math.max(after, this.begin);
    const length = Math.min(maxBytes, this.#end - at);
    if (length <= 0) return null;
    const start = at % this.#ring.length;
    const first = this.#ring.subarray(start, start + length);
    return { at, data: Buffer.concat([first, this.#ring.subarray(0, length - first.length)]) };
  }
}
