import type { Clock } from "./watchdog.ts";

export interface OutageOptions {
  clock: Clock;
  /** Tells people. */
  note: (text: string) => void;
  /** While somebody waits for the gateway, the agent's silence is not its own. */
  setWaiting: (waiting: boolean) => void;
}

const duration = (ms: number): string => {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
};

/**
 * Follows whether the gateway can be reached. An outage begins with the first connection that has to wait, and ends with the first that
 * comes through, however many gave up in between; each is told once when it begins and once when it ends.
 */
export class OutageWatch {
  readonly #options: OutageOptions;
  #since: number | null = null;
  #waiting = 0;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** So many connections wait now. */
  waiting(count: number): void {
    const { clock, note, setWaiting } = this.#options;
    const before = this.#waiting;
    this.#waiting = count;
    if (count > 0 && this.#since === null) {
      this.#since = clock.now();
      note("The gateway cannot be reached, and so neither the model nor the network: the agent waits until it is back.");
    }
    if (count > 0 !== before > 0) setWaiting(count > 0);
  }

  /** A connection came through. */
  reached(): void {
    if (this.#since === null) return;
    const { clock, note } = this.#options;
    note(`The gateway is back after ${duration(clock.now() - this.#since)}.`);
    this.#since = null;
  }
}
