import type { Message } from "@ccr/protocol";

/** A message with the length of its body's JSON in UTF-16 code units. */
export type Stored = { message: Message; length: number };

// What one followed run keeps in memory for all its followers together, and what one follower holds at a time.
const WINDOW_LENGTH = 1_000_000;
const WINDOW_MESSAGES = 1000;
const PAGE_MESSAGES = 200;

/** What is known in memory of one run that is being followed: how far it is, and its newest messages. Nothing here waits or asks. */
export class Feed {
  /** Called after each change. */
  readonly followers = new Set<() => void>();
  lastSeq = 0;
  final = false;
  /** The newest messages without a gap, up to `lastSeq`; may be none. */
  #window: Stored[] = [];
  #length = 0;

  /** Takes in messages that are stored, in the order of their `seq` within one call. */
  publish(stored: readonly Stored[]): void {
    const first = stored.at(0);
    const last = stored.at(-1);
    if (first === undefined || last === undefined || last.message.seq <= this.lastSeq) return;
    // Something in between was stored by another process: who needs it reads it from the database.
    if (first.message.seq !== this.lastSeq + 1) this.#clear();
    for (const entry of stored) {
      this.#window.push(entry);
      this.#length += entry.length;
    }
    this.#trim();
    this.lastSeq = last.message.seq;
    this.wake();
  }

  /** Takes in how far the run is. Older news than what is known changes nothing. */
  note(state: { lastSeq: number; final: boolean }): void {
    const lastSeq = Math.max(this.lastSeq, state.lastSeq);
    const final = this.final || state.final;
    if (lastSeq === this.lastSeq && final === this.final) return;
    if (lastSeq > this.lastSeq) this.#clear();
    this.lastSeq = lastSeq;
    this.final = final;
    this.wake();
  }

  /** Some of the messages that follow `seq`, from memory; none when they are not there any more. */
  after(seq: number): Message[] {
    const first = this.#window.at(0)?.message.seq;
    if (first === undefined || seq + 1 < first) return [];
    const from = seq + 1 - first;
    return this.#window.slice(from, from + PAGE_MESSAGES).map((stored) => stored.message);
  }

  wake(): void {
    for (const wake of this.followers) wake();
  }

  #clear(): void {
    this.#window = [];
    this.#length = 0;
  }

  #trim(): void {
    let drop = 0;
    for (const { length } of this.#window) {
      if (this.#length <= WINDOW_LENGTH && this.#window.length - drop <= WINDOW_MESSAGES) break;
      this.#length -= length;
      drop++;
    }
    if (drop > 0) this.#window.splice(0, drop);
  }
}
