import { PassThrough, type Readable } from "node:stream";

/**
 * Holds an agent's output back while its messages are not taken. The Agent SDK reads its pipe as fast as it can and queues what it read;
 * behind a slow disk that queue would grow without bound. At most about `aheadBytes` go through before somebody calls `release`.
 */
export class FlowGate {
  readonly output = new PassThrough();
  readonly #input: Readable;
  readonly #aheadBytes: number;
  #ahead = 0;
  #held = false;

  constructor(input: Readable, aheadBytes = 4 * 1024 * 1024) {
    this.#input = input;
    this.#aheadBytes = aheadBytes;
    input.on("data", (chunk: Buffer) => {
      this.#ahead += chunk.length;
      const roomLeft = this.output.write(chunk);
      if (this.#ahead >= this.#aheadBytes) {
        this.#held = true;
        input.pause();
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

  /** Whether output waits for `release`. */
  get held(): boolean {
    return this.#held;
  }

  /** Everything that went through has been taken: lets the next bytes through. */
  release(): void {
    this.#ahead = 0;
    if (!this.#held) return;
    this.#held = false;
    this.#input.resume();
  }
}
