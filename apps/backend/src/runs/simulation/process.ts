import type { RunId, ServerId } from "@ccr/protocol";
import type { Clock } from "../deps.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./time.ts";

/** What a call of a process to the outside may meet. */
export type CallOptions = {
  signal?: AbortSignal | undefined;
  /** The longest that the way there, and the way back, take. */
  wayMs?: number;
  /** Given when the call arrives, and when its effect has happened: what the caller is told instead. */
  refuse?: (() => Error | null) | undefined;
  loseAnswer?: (() => Error | null) | undefined;
  /** An abort is heard by the other side: what has not happened by then happens at once or never. */
  endsWithAbort?: boolean;
};

/** Stops a process in the middle of a call of this name, the `count`th from now on. */
export type Trap = { op: string; when: "before" | "after"; count: number; spring: () => void };

/** A stream that the outside writes and a process reads. */
export type Inlet<Item> = { push(item: Item): void; end(): void; fail(error: Error): void; readonly isOpen: boolean };

type Parts = { time: VirtualTime; random: Random; trace: (line: string) => void };

// What a request on its way does when its sender is killed: some get there.
const ARRIVES_ALL_THE_SAME = 0.3;
// A lease is renewed, or tried to be, every five seconds: only whoever was not held up for as long has had the time to.
const RENEWS_WITHIN_MS = 6000;

/**
 * One server's process: everything that goes in or out of it passes here. Killed, nothing that it asked for comes back, and nothing goes out
 * any more; frozen, whatever comes in waits. Its code runs only when something is let in.
 */
export class Process {
  readonly name: string;
  readonly server: ServerId;
  readonly machine: string;
  state: "alive" | "frozen" | "dead" = "alive";
  /** Whether it has got so far as to look for runs. */
  hasBegun = false;
  /** Since when it has been able to do its work without a break. */
  ableSince: number;
  /** By how much its wall clock is off. */
  clockOffsetMs = 0;
  traps: Trap[] = [];
  /** When it was last told that a run is its own. */
  readonly confirmedAt = new Map<RunId, number>();
  /** What it waits for now. */
  readonly pending = new Map<string, number>();
  readonly #parts: Parts;
  #held: (() => void)[] = [];
  #isCutOff = false;
  /** When it was last kept from what others could do. */
  #heldUp: { from: number; to: number | null } | null = null;

  constructor({ name, server, machine }: Pick<Process, "name" | "server" | "machine">, parts: Parts) {
    this.name = name;
    this.server = server;
    this.machine = machine;
    this.#parts = parts;
    this.ableSince = parts.time.now;
  }

  freeze(): void {
    if (this.state !== "alive") return;
    this.state = "frozen";
    this.#noteHeldUp();
  }

  thaw(): void {
    if (this.state !== "frozen") return;
    this.state = "alive";
    this.#noteHeldUp();
    this.ableSince = this.#parts.time.now;
    const held = this.#held;
    this.#held = [];
    // One after the other, each with all that follows from it, as an event loop does.
    for (const [index, letIn] of held.entries()) this.#parts.time.after(index === 0 ? 0 : 1, () => this.letIn(letIn));
  }

  kill(): void {
    this.state = "dead";
    this.#held = [];
  }

  /** Whether the database, which others reach, is out of its reach. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  set isCutOff(isCutOff: boolean) {
    this.#isCutOff = isCutOff;
    this.#noteHeldUp();
  }

  /**
   * For how long it is now, or was until a moment ago, kept from renewing its leases by something that befell it alone: frozen, or cut off from
   * the database. What befalls all servers at once is no reason for one of them to call another one lost.
   */
  heldUpMs(): number {
    const { now } = this.#parts.time;
    if (this.#heldUp === null) return 0;
    const { from, to } = this.#heldUp;
    if (to === null) return now - from;
    return now - to <= RENEWS_WITHIN_MS ? to - from : 0;
  }

  /** Runs code of the process, when it can. */
  letIn(act: () => void): void {
    if (this.state === "alive") act();
    else if (this.state === "frozen") this.#held.push(act);
  }

  /** Lets the process ask the outside for something. `act` is what happens there, and may take its time. */
  call<Result>(op: string, act: () => Result | Promise<Result>, options: CallOptions = {}): Promise<Result> {
    const { time, random, trace } = this.#parts;
    const { signal, wayMs = 20, refuse, loseAnswer, endsWithAbort = false } = options;
    if (this.state === "dead") return new Promise(() => {});
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const done = this.#waitsFor(op);
      let isOver = false;
      let hasArrived = false;
      const settle = (tell: () => void): void => {
        if (this.state === "dead") return;
        time.after(random.delay(wayMs), () =>
          this.letIn(() => {
            if (isOver) return;
            isOver = true;
            signal?.removeEventListener("abort", abort);
            done();
            tell();
          }),
        );
      };
      const arrive = async (): Promise<void> => {
        hasArrived = true;
        this.#spring(op, "before");
        if (this.state === "dead" && !random.chance(ARRIVES_ALL_THE_SAME)) return;
        trace(`${this.name} ${op}`);
        const refused = refuse?.() ?? null;
        if (refused !== null) return settle(() => reject(refused));
        try {
          const result = await act();
          this.#spring(op, "after");
          const lost = loseAnswer?.() ?? null;
          settle(() => (lost === null ? resolve(result) : reject(lost)));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const abort = (): void => {
        if (isOver) return;
        isOver = true;
        done();
        if (endsWithAbort && !hasArrived) {
          cancel();
          if (random.chance(0.5)) void arrive();
        } else if (!hasArrived && random.chance(0.5)) cancel();
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      const cancel = time.after(random.delay(wayMs), () => void arrive());
    });
  }

  /**
   * Lets the process read a stream. `open` is called, outside, with where to write, and gives what to do when the reader leaves; what it
   * throws is what the reader is told.
   */
  async *stream<Item>(
    op: string,
    open: (inlet: Inlet<Item>) => Promise<() => void> | (() => void),
    options: CallOptions,
  ): AsyncGenerator<Item> {
    const { time, random } = this.#parts;
    const { signal } = options;
    const arrived: Item[] = [];
    const under: Item[] = [];
    let isOpen = true;
    let end: { error: Error | null } | null = null;
    let hasEnded = false;
    let wake = (): void => {};
    let isOnItsWay = false;
    const carry = (): void => {
      if (isOnItsWay) return;
      isOnItsWay = true;
      time.after(random.delay(20), () => {
        const batch = under.splice(0);
        isOnItsWay = false;
        const last = !isOpen;
        this.letIn(() => {
          arrived.push(...batch);
          hasEnded ||= last;
          wake();
        });
      });
    };
    const close = (error: Error | null): void => {
      if (!isOpen) return;
      isOpen = false;
      end = { error };
      carry();
    };
    const inlet: Inlet<Item> = {
      push: (item) => {
        if (!isOpen) return;
        under.push(item);
        carry();
      },
      end: () => close(null),
      fail: (error) => close(error),
      get isOpen() {
        return isOpen;
      },
    };
    const endOf = (): { error: Error | null } | null => end;
    let leave: (() => void) | null = null;
    let isGone = false;
    const opening = async (): Promise<void> => {
      const opened = await open(inlet);
      if (isGone) opened();
      else leave = opened;
    };
    const goAway = (): void => {
      isGone = true;
      isOpen = false;
      leave?.();
    };
    try {
      await this.call(op, opening, options);
    } catch (error) {
      goAway();
      throw error;
    }
    const done = this.#waitsFor(`${op}…`);
    const abort = (): void => wake();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const item = arrived.shift();
        if (item !== undefined) {
          yield item;
          continue;
        }
        if (hasEnded) {
          const error = endOf()?.error ?? null;
          if (error !== null) throw error;
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      done();
      goAway();
    }
  }

  /** The process's own clock. */
  clock(epochMs: number): Clock {
    const { time } = this.#parts;
    return {
      now: () => new Date(epochMs + time.now + this.clockOffsetMs),
      elapsedMs: () => time.now + 12_345,
      wait: (ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          const done = this.#waitsFor("clock.wait");
          const finish = (): void => {
            cancel();
            signal.removeEventListener("abort", finish);
            done();
            resolve();
          };
          const cancel = time.after(ms, () => this.letIn(finish));
          signal.addEventListener("abort", finish, { once: true });
        }),
    };
  }

  #noteHeldUp(): void {
    const { now } = this.#parts.time;
    const isHeldUp = this.state === "frozen" || this.#isCutOff;
    const last = this.#heldUp;
    if (last === null || last.to !== null) {
      if (!isHeldUp) return;
      const wasJust = last !== null && last.to !== null && now - last.to < RENEWS_WITHIN_MS;
      this.#heldUp = { from: wasJust ? last.from : now, to: null };
    } else if (!isHeldUp) this.#heldUp = { from: last.from, to: now };
  }

  #waitsFor(op: string): () => void {
    this.pending.set(op, (this.pending.get(op) ?? 0) + 1);
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      const left = (this.pending.get(op) ?? 1) - 1;
      if (left === 0) this.pending.delete(op);
      else this.pending.set(op, left);
    };
  }

  #spring(op: string, when: Trap["when"]): void {
    for (const trap of this.traps) {
      if (trap.op !== op || trap.when !== when || --trap.count !== 0) continue;
      this.traps = this.traps.filter((each) => each !== trap);
      trap.spring();
      return;
    }
  }
}
