import { waitFor } from "@ccr/testkit";
import { expect, test } from "vitest";
import { watchSolitude } from "./alone.ts";

const watched = (options: { aloneMs: number; hasDoors?: boolean; isReachable?: () => boolean }) => {
  const ends: string[] = [];
  const startedAt = performance.now();
  const solitude = watchSolitude({
    aloneMs: options.aloneMs,
    hasDoors: () => options.hasDoors ?? true,
    isReachable: async () => options.isReachable?.() ?? true,
    end: (why) => ends.push(`${why} (${Math.round(performance.now() - startedAt)})`),
  });
  return { ...solitude, ends, [Symbol.dispose]: solitude.stop };
};

test("ends once when nobody was heard of for the time, and not before", async () => {
  using alone = watched({ aloneMs: 300 });
  const startedAt = performance.now();
  await waitFor(() => alone.ends.length > 0, { what: "the end" });
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
  expect(alone.ends).toEqual([expect.stringContaining("nobody asked for anything")]);
});

test("does not end while somebody is heard of", async () => {
  using alone = watched({ aloneMs: 200 });
  const startedAt = performance.now();
  await waitFor(
    () => {
      alone.heard();
      return performance.now() - startedAt > 800;
    },
    { what: "four times as long" },
  );
  expect(alone.ends).toEqual([]);
});

test("does not take time in which the process was stopped for silence of others", async () => {
  using alone = watched({ aloneMs: 1000 });
  // What a stopped process is to its timers.
  const until = performance.now() + 1500;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => setImmediate(resolve));
  expect(alone.ends).toEqual([]);
});

test("ends when nobody can reach it any more, and never once it was stopped", async () => {
  let isReachable = true;
  using alone = watched({ aloneMs: 1000, isReachable: () => isReachable });
  using stopped = watched({ aloneMs: 1000, isReachable: () => isReachable });
  stopped.stop();
  isReachable = false;
  await waitFor(() => alone.ends.length > 0, { what: "the end" });
  expect(alone.ends).toEqual([expect.stringContaining("its control socket is gone")]);
  expect(stopped.ends).toEqual([]);
});
