import { CcrError, FENCE_HEADER } from "@ccr/protocol";
import type { StateFile } from "./state.ts";

const conflict = (number: number, greatest: number): CcrError =>
  new CcrError(
    "conflict",
    `This sandbox is driven with the fencing number ${greatest} now; ${number} is no longer good. Whoever holds it has lost the run.`,
  );

/** The fencing number of a request; null when it has none. Throws `bad_request` for what is no number. Pure. */
export const readFence = (header: string | string[] | undefined): number | null => {
  if (header === undefined) return null;
  const number = typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : null;
  if (number === null) throw new CcrError("bad_request", `${FENCE_HEADER}: is not a whole number`);
  return number;
};

export interface FenceOptions {
  state: StateFile;
  /** Does a piece of work that writes little, also on a full disk. */
  keep: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * The greatest fencing number that was heard, also by the executors before this one. Who comes with a lower one is refused, and what was
 * opened with a lower one is cut, so that of two who believe that they drive this sandbox only the later one does.
 */
export class Fence {
  readonly #options: FenceOptions;
  readonly #open = new Map<() => void, number>();
  #greatest: number;

  constructor(options: FenceOptions) {
    this.#options = options;
    this.#greatest = options.state.get().fence;
  }

  /** Takes a request's number in; resolves once it is on disk. Throws `conflict` when a greater one was heard. */
  async hear(number: number): Promise<void> {
    this.check(number);
    const { state, keep } = this.#options;
    if (number > this.#greatest) {
      this.#greatest = number;
      for (const [cut, opened] of this.#open) if (opened < number) cut();
    }
    if (number > state.get().fence) await keep(() => state.update({ fence: number }));
    this.check(number);
  }

  /** Throws `conflict` when a greater number was heard meanwhile. */
  check(number: number): void {
    if (number < this.#greatest) throw conflict(number, this.#greatest);
  }

  /** Calls `cut` when a greater number is heard; disposing what it gives takes that back. Throws `conflict` when one was heard already. */
  guard(number: number, cut: () => void): Disposable {
    this.check(number);
    this.#open.set(cut, number);
    return { [Symbol.dispose]: () => void this.#open.delete(cut) };
  }
}
