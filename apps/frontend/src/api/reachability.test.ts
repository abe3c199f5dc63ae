import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createReachability } from "./reachability.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test("one lost request is not told of", () => {
  const reachability = createReachability();
  const told = vi.fn();
  reachability.subscribe(told);
  reachability.report("requests", false);
  vi.advanceTimersByTime(900);
  reachability.report("requests", true);
  vi.advanceTimersByTime(60_000);
  expect(told).not.toHaveBeenCalled();
  expect(reachability.current()).toBeNull();
});

test("a server that stays away is told of once, from when it was gone, and its return at once", () => {
  const reachability = createReachability();
  const told = vi.fn();
  reachability.subscribe(told);
  reachability.report("requests", false);
  for (let tries = 0; tries < 10; tries += 1) {
    vi.advanceTimersByTime(500);
    reachability.report("requests", false);
  }
  expect(reachability.current()).toEqual({ what: "server", since: 1000 });
  expect(told).toHaveBeenCalledTimes(1);
  reachability.report("requests", true);
  expect(reachability.current()).toBeNull();
  expect(told).toHaveBeenCalledTimes(2);
});

test("a stream that cannot be made is told apart from a server that is gone", () => {
  const reachability = createReachability();
  reachability.report("stream run_1", false);
  vi.advanceTimersByTime(1000);
  expect(reachability.current()?.what).toBe("stream");
  reachability.report("requests", false);
  expect(reachability.current()?.what).toBe("server");
  reachability.report("requests", true);
  expect(reachability.current()?.what).toBe("stream");
  reachability.report("stream run_1", true);
  expect(reachability.current()).toBeNull();
});
