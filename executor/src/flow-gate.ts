import { PassThrough, type Readable } from "node:stream";

/**
 * Holds an agent's output back while its messages are not taken. The Agent SDK reads its pipe as fast as it can and queues what it read;
 * behind a slow disk that queue would grow without bound. About `aheadBytes` go through before somebody has to wait for a message again.
 */
export class FlowGate {
  readonly output = new PassThrough();
  readonly #input: Readable;
  readonly #aheadBytes: number;
  #ahead = 0;
  #held = false;
  #taking = false;
  #opening: NodeJS.Immediate | undefined;

  constructor(input: Readable, aheadBytes = 4 * 1024 * 1024) {
    this.#input = input;
    this.#aheadBytes = aheadBytes;
    input.on("data", (chunk: Buffer) => {
      this.#ahead += chunk.length;
      const roomLeft = this.output.write(chunk);
      if (this.#ahead >= this.#aheadBytes) {
        this.#held = true;
        input.pause();
        this.#openSoon();
      } else if (!roomLeft) {
        input.pause();
        this.output.once("drain", () => {
          if (!this.#held) input.resume();
        });
      }
    });
    input.once("end", () => this.output.end());
    input.once("close", () => this.output.end());
    input.once("error", () => this.output.end());
  }

  /** Whether output is held back now. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * Waits for the next message, and lets output through as long as that takes: who waits has taken everything, or waits for the rest of a
   * long line.
   */
  async take<T>(next: Promise<T>): Promise<T> {
    this.#taking = true;
    this.#openSoon();
    try {
      return await next;
    } finally {
      this.#taking = false;
      clearImmediate(this.#opening);
      this.#opening = undefined;
    }
  }

  #openSoon(): void {
    if (!this.#taking || !this.#held) return;
    // A message that is ready already is given before this comes.
    this.#opening ??= setImmediate(() => {
      this.#opening = undefined;
      this.#ahead = 0;
      this.#held = false;
      this.#input.resume();
    });
  }
}
