import { RunId, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Lease } from "../store/types.ts";
import { LEASE_MS, LeaseWatch, STALE_AFTER_MS } from "./lease.ts";

const lease = (beat: number, fence = 1, name = "0"): Lease => ({
  id: RunId.parse(`run_${name.repeat(10)}`),
  status: "running",
  owner: ServerId.parse("srv_0000000000"),
  fence,
  beat,
});

const { id } = lease(0);

/** Looks every second from one moment to another, and gives what was seen last. */
const lookOn = (watch: LeaseWatch, leases: readonly Lease[], [fromMs, toMs]: readonly [number, number]) => {
  let seen = watch.look(leases, fromMs);
  for (let now = fromMs + 1000; now <= toMs; now += 1000) seen = watch.look(leases, now);
  return seen;
};

describe("watching leases", () => {
  it("counts from the first look on for how long nobody has renewed one", () => {
    const watch = new LeaseWatch();
    expect(watch.look([lease(5)], 70_000).get(id)).toBe(0);
    expect(lookOn(watch, [lease(5)], [71_000, 94_000]).get(id)).toBe(24_000);
    expect(watch.look([lease(5)], 95_000).get(id)).toBe(STALE_AFTER_MS);
    expect(STALE_AFTER_MS).toBeLessThan(LEASE_MS);
  });

  it("begins anew with every renewal, and with every new owner", () => {
    const watch = new LeaseWatch();
    lookOn(watch, [lease(5)], [0, 24_000]);
    expect(watch.look([lease(6)], 25_000).get(id)).toBe(0);
    expect(lookOn(watch, [lease(6)], [26_000, 40_000]).get(id)).toBe(15_000);
    expect(watch.look([lease(6, 2)], 41_000).get(id)).toBe(0);
    expect(lookOn(watch, [lease(6, 2)], [42_000, 46_000]).get(id)).toBe(5000);
    expect(watch.look([{ ...lease(6, 2), owner: null }], 47_000).get(id)).toBe(0);
  });

  it("watches each run for itself, and forgets those that are gone", () => {
    const watch = new LeaseWatch();
    const [a, b] = [lease(1, 1, "a"), lease(1, 1, "b")];
    lookOn(watch, [a, b], [0, 10_000]);
    watch.look([b], 11_000);
    const seen = lookOn(watch, [a, b], [12_000, 20_000]);
    expect([seen.get(a.id), seen.get(b.id)]).toEqual([8000, 20_000]);
  });

  it("counts no time in which the database was away: the owners could not renew anything either", () => {
    const watch = new LeaseWatch();
    lookOn(watch, [lease(5)], [0, 24_000]);
    watch.forget();
    expect(watch.look([lease(5)], 90_000).get(id)).toBe(0);
    expect(lookOn(watch, [lease(5)], [91_000, 114_000]).get(id)).toBe(24_000);
  });

  it("counts of time in which it did not look a few seconds: it was frozen, and with it perhaps the owners", () => {
    const watch = new LeaseWatch();
    watch.look([lease(5)], 0);
    expect(watch.look([lease(5)], 3_600_000).get(id)).toBe(5000);
  });
});
