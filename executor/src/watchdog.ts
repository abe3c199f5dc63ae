import { type SeenMessage, toolResults, toolUses } from "./agent-messages.ts";
import { type ModelError, refusesCredential } from "./outcome.ts";

export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Calls back once after `delayMs`; gives what takes the call back. */
  after(delayMs: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, call) => {
    // A longer delay overflows a timer's 32 bits and would fire at once; the caller looks at the clock again anyway.
    const timer = setTimeout(call, Math.min(delayMs, 2_147_483_647));
    return () => clearTimeout(timer);
  },
};

export type Alarm =
  | { kind: "stalled"; silentMs: number }
  | { kind: "unavailable"; error: ModelError }
  | { kind: "unauthorized"; error: ModelError };

// The first answer may meet a credential that is being renewed; Claude Code goes on for minutes.
const UNAUTHORIZED_TRIES = 3;
// They wait for a model themselves, and so must not hide that it is silent; what they do shows in messages of its own.
const AGENT_TOOLS = new Set(["Agent", "Task"]);

/**
 * Watches one execution. Any message is a sign of life, and an open tool call is no stall however long it takes. Retries of the model's
 * API are signs of life too, but not for ever: failures alone for longer than the limit raise the alarm, and so does a credential that is
 * refused again and again. Raises one alarm at most.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #stallTimeoutMs: number;
  readonly #onAlarm: (alarm: Alarm) => void;
  readonly #openTools = new Set<string>();
  #lastLife: number;
  #failingSince: number | null = null;
  #modelError: ModelError | null = null;
  #refusals = 0;
  #paused = 0;
  #pausedAt = 0;
  #cancelTimer: () => void = () => {};
  #done = false;

  constructor({ clock, stallTimeoutMs, onAlarm }: { clock: Clock; stallTimeoutMs: number; onAlarm: (alarm: Alarm) => void }) {
    this.#clock = clock;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onAlarm = onAlarm;
    this.#lastLife = clock.now();
    this.#arm(stallTimeoutMs);
  }

  /** The last error of the model's API, when no answer came after it. */
  get modelError(): ModelError | null {
    return this.#modelError;
  }

  /** Takes in a message of the agent; `seen` is null for kinds that only show that it lives. */
  observe(seen: SeenMessage | null): void {
    this.#lastLife = this.#clock.now();
    if (seen === null) return;
    for (const { id, name } of toolUses(seen)) if (!AGENT_TOOLS.has(name)) this.#openTools.add(id);
    for (const id of toolResults(seen)) this.#openTools.delete(id);
    if (seen.type === "assistant" && seen.error === undefined) {
      this.#failingSince = null;
      this.#modelError = null;
      this.#refusals = 0;
    } else if (seen.type === "assistant") {
      this.#modelError = { status: this.#modelError?.status ?? null, error: seen.error ?? "unknown" };
    } else if (seen.type === "system") {
      this.#modelError = { status: seen.error_status, error: seen.error };
      this.#failingSince ??= this.#lastLife;
      this.#refusals = refusesCredential(this.#modelError) ? this.#refusals + 1 : 0;
      if (this.#refusals >= UNAUTHORIZED_TRIES) this.#raise({ kind: "unauthorized", error: this.#modelError });
    }
  }

  /** While we keep the agent waiting, or its way out is away, its silence is not its own, and no failure lasts longer. Counted. */
  pause(): void {
    if (this.#paused === 0) this.#pausedAt = this.#clock.now();
    this.#paused += 1;
  }

  resume(): void {
    this.#paused -= 1;
    if (this.#paused > 0) return;
    this.#lastLife = this.#clock.now();
    if (this.#failingSince !== null) this.#failingSince += this.#lastLife - Math.max(this.#pausedAt, this.#failingSince);
  }

  /** Ends the watch. Idempotent. */
  stop(): void {
    this.#done = true;
    this.#cancelTimer();
  }

  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    if (this.#done) return;
    const verdict = this.#judge();
    if (typeof verdict === "number") this.#arm(verdict);
    else this.#raise(verdict);
  }

  /** What is wrong, or after how many milliseconds to look again. */
  #judge(): Alarm | number {
    if (this.#paused > 0) return this.#stallTimeoutMs;
    const now = this.#clock.now();
    const error = this.#failingSince === null ? null : this.#modelError;
    const failingMs = this.#failingSince === null ? 0 : now - this.#failingSince;
    if (error !== null && failingMs > this.#stallTimeoutMs) return { kind: "unavailable", error };
    const silentMs = now - this.#lastLife;
    const mayStall = this.#openTools.size === 0;
    if (mayStall && silentMs >= this.#stallTimeoutMs) {
      return error === null ? { kind: "stalled", silentMs } : { kind: "unavailable", error };
    }
    const untilStall = mayStall ? this.#stallTimeoutMs - silentMs : this.#stallTimeoutMs;
    const untilFailed = error === null ? Number.POSITIVE_INFINITY : this.#stallTimeoutMs - failingMs + 1;
    return Math.max(1, Math.min(untilStall, untilFailed));
  }

  #raise(alarm: Alarm): void {
    if (this.#done) return;
    this.stop();
    this.#onAlarm(alarm);
  }
}
