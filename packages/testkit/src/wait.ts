import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, for the error's sentence. */
  what?: string;
  timeoutMs?: number;
  /** How long after a try the next one is made. Left out: the longer it takes already the longer, from 10 ms to 200 ms. */
  intervalMs?: number;
}

type Falsy = false | 0 | "" | null | undefined;

const show = (value: unknown): string => {
  if (value instanceof Error) return `threw ${value.name}: ${value.message}`;
  try {
    return `gave ${JSON.stringify(value) ?? String(value)}`.slice(0, 400);
  } catch {
    return `gave ${String(value)}`;
  }
};

/**
 * Polls `condition` until it gives something truthy, and returns that. A condition that throws counts as not yet true. When the time is
 * up it throws an error that names what was waited for and what the last try gave; a try that hangs does not delay that.
 */
export const waitFor = async <T>(
  condition: () => T | Promise<T>,
  { what = "a condition", timeoutMs = 60_000, intervalMs }: WaitOptions = {},
): Promise<Exclude<T, Falsy>> => {
  const began = performance.now();
  const deadline = began + timeoutMs;
  const hung = Symbol("hung");
  let last = "is not known: the first try never answered";
  for (;;) {
    const timer = new AbortController();
    try {
      const attempt = Promise.try(condition);
      const limit = delay(Math.max(1, deadline - performance.now()), hung, { signal: timer.signal, ref: true });
      limit.catch(() => {}); // rejects when the attempt was first and the timer is cleared
      const value = await Promise.race([attempt, limit]);
      if (value !== hung) {
        if (isTruthy(value)) return value;
        last = show(value);
      }
    } catch (error) {
      last = show(error);
    } finally {
      timer.abort();
    }
    if (performance.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}; the last try ${last}.`);
    await delay(intervalMs ?? Math.min(200, Math.max(10, (performance.now() - began) / 20)));
  }
};

const isTruthy = <T>(value: T | symbol): value is Exclude<T, Falsy> => Boolean(value);
