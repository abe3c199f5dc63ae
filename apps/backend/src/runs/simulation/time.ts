import type { Random } from "./random.ts";

type Timer = { at: number; turn: number; act: () => void; canceled: boolean };

const comesBefore = (a: Timer, b: Timer): boolean => (a.at === b.at ? a.turn < b.turn : a.at < b.at);

/**
 * Time that passes only when everything that can run has run. What is due at the same moment comes in an order that chance decides.
 */
export class VirtualTime {
  /** Milliseconds since the beginning. */
  now = 0;
  /** How many timers went off. */
  events = 0;
  readonly #random: Random;
  readonly #heap: Timer[] = [];
  #working = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Calls `act` after the time, unless what it gives is called before. */
  after(ms: number, act: () => void): () => void {
    const timer = { at: this.now + Math.max(0, Math.round(ms)), turn: this.#random.next(), act, canceled: false };
    this.#push(timer);
    return () => {
      timer.canceled = true;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Keeps the time still until the promise settles: for real work, which takes no virtual time. */
  async whileStill<Result>(work: Promise<Result>): Promise<Result> {
    this.#working++;
    try {
      return await work;
    } finally {
      this.#working--;
    }
  }

  /** Lets time pass until `isDone`, which is asked whenever all is quiet, or until nothing happens before the moment `most` any more; says which. Rejects with what a timer throws. */
  run(isDone: () => boolean, most: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // Every promise that can settle has settled when an immediate is called, except for the store's, which commits in immediates of its own.
      const turn = (): void => {
        if (this.#working > 0) {
          setImmediate(turn);
          return;
        }
        try {
          const timer = isDone() ? null : this.#pop();
          if (timer === null || timer.at > most) {
            if (timer !== null) this.#push(timer);
            resolve(timer === null && isDone());
            return;
          }
          this.now = timer.at;
          this.events++;
          timer.act();
        } catch (error) {
          reject(error);
          return;
        }
        setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !comesBefore(timer, parent)) break;
      heap[index] = parent;
      heap[above] = timer;
      index = above;
    }
  }

  #pop(): Timer | null {
    for (;;) {
      const first = this.#popAny();
      if (first === null || !first.canceled) return first;
    }
  }

  #popAny(): Timer | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ; ) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const takesRight = left !== undefined && right !== undefined && comesBefore(right, left);
      const least = takesRight ? right : left;
      if (least === undefined || comesBefore(last, least)) break;
      const below = 2 * index + (takesRight ? 2 : 1);
      heap[index] = least;
      heap[below] = last;
      index = below;
    }
    return first;
  }
}
