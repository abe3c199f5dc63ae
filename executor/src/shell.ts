import { constants } from "node:os";
import {
  SHELL_OUTPUT_MAX_BYTES,
  SHELL_SCROLLBACK_BYTES,
  type Shell,
  type ShellEvent,
  type ShellId,
  type ShellOutcome,
  type ShellSize,
} from "@ccr/protocol";
import type { IPty } from "@lydell/node-pty";
import { Bell } from "./bell.ts";
import { Scrollback } from "./scrollback.ts";

// A program that prints without end must not take the executor's time from the agent: after so many bytes it waits for whoever reads, and at least for a moment.
const PORTION_BYTES = 128 * 1024;
const PORTION_PAUSE_MS = 40;
// One who reads no more, as a laptop that fell asleep, is waited for no longer.
const READER_PATIENCE_MS = 1000;
// A shell's typists are pages of a browser; of one that is not among the last ones, what it sends again would be typed again.
const WRITERS_MAX = 100;

const line = (event: ShellEvent): Buffer => Buffer.from(`${JSON.stringify(event)}\n`);

const nameOfSignal = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

type Reader = { position: number };

/** One pseudo-terminal and what it has printed, to be read by any number of readers, each byte once, whenever they come. */
export class OpenShell {
  readonly id: ShellId;
  readonly ended: Promise<void>;
  readonly #pty: IPty;
  readonly #openedAt = new Date().toISOString();
  readonly #scrollback = new Scrollback(SHELL_SCROLLBACK_BYTES);
  readonly #bell = new Bell();
  readonly #readers = new Set<Reader>();
  /** How far each of those who type has come. */
  readonly #writers = new Map<string, number>();
  #size: ShellSize;
  #portion = 0;
  #outcome: ShellOutcome | null = null;
  #ending: ShellOutcome | null = null;

  constructor(id: ShellId, pty: IPty, size: ShellSize) {
    this.id = id;
    this.#pty = pty;
    this.#size = size;
    // Without an encoding it gives bytes, whatever its types say.
    pty.onData((data: unknown) => this.#take(Buffer.isBuffer(data) ? data : Buffer.from(String(data))));
    this.ended = new Promise((resolve) => {
      pty.onExit(({ exitCode, signal = 0 }) => {
        this.#outcome =
          this.#ending ?? (signal === 0 ? { kind: "exited", exitCode } : { kind: "killed", signal: nameOfSignal(signal) });
        this.#bell.ring();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#outcome === null;
  }

  describe(): Shell {
    const { begin, end } = this.#scrollback;
    return { id: this.id, ...this.#size, openedAt: this.#openedAt, begin, end, outcome: this.#outcome };
  }

  resize(size: ShellSize): void {
    if (!this.isOpen) return;
    try {
      this.#pty.resize(size.cols, size.rows);
    } catch {
      return; // it is closed, and is about to tell that it has ended
    }
    this.#size = size;
  }

  /** Types what was not typed before, and gives whether it was. */
  type(writer: string, n: number, text: string): boolean {
    if (!this.isOpen || n <= (this.#writers.get(writer) ?? 0)) return false;
    this.#writers.delete(writer);
    this.#writers.set(writer, n);
    for (const oldest of this.#writers.keys()) {
      if (this.#writers.size <= WRITERS_MAX) break;
      this.#writers.delete(oldest);
    }
    this.#pty.write(text);
    return true;
  }

  /** Ends it, for this reason unless it has ended by itself. What it started may live on: see `Shells`. */
  hangUp(outcome: ShellOutcome): void {
    if (!this.isOpen) return;
    this.#ending ??= outcome;
    this.#pty.resume();
    this.#pty.kill("SIGHUP");
  }

  /** What is kept after so many bytes, then what comes, to the end, as NDJSON of `ShellEvent`. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { begin, end } = this.#scrollback;
    const reader: Reader = { position: Math.min(after, end) };
    this.#readers.add(reader);
    try {
      yield line({ type: "attached", ...this.#size, begin, end });
      while (!signal.aborted) {
        const piece = this.#scrollback.read(reader.position, SHELL_OUTPUT_MAX_BYTES);
        if (piece !== null) {
          yield line({ type: "output", at: piece.at, data: piece.data.toString("base64") });
          reader.position = piece.at + piece.data.length;
        } else if (this.#outcome !== null) {
          yield line({ type: "ended", outcome: this.#outcome });
          return;
        } else {
          await this.#bell.wait(signal);
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  #take(chunk: Buffer): void {
    this.#scrollback.add(chunk);
    this.#bell.ring();
    this.#portion += chunk.length;
    if (this.#portion < PORTION_BYTES || this.#ending !== null) return;
    this.#portion = 0;
    this.#pty.pause();
    const pausedAt = performance.now();
    const goOn = (): void => {
      const isRead = this.#readers.size === 0 || [...this.#readers].some(({ position }) => position >= this.#scrollback.end);
      if (isRead || performance.now() - pausedAt > READER_PATIENCE_MS) this.#pty.resume();
      else setTimeout(goOn, PORTION_PAUSE_MS);
    };
    setTimeout(goOn, PORTION_PAUSE_MS);
  }
}
