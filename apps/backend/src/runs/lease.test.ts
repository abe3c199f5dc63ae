import { RunId, ServerId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Lease } from "../store/types.ts";
import { LEASE_MS, LeaseWatch } from "./lease.ts";

const lease = (beat: number, fence = 1, name = "0"): Lease => ({
  id: RunId.parse(`run_${name.repeat(10)}`),
  status: "running",
  owner: ServerId.parse("srv_0000000000"),
  fence,
  beat,
});

describe("watching leases", () => {
  it("takes one for left that nobody renewed for nearly a lease, and none that was seen just now", () => {
    const watch = new LeaseWatch();
    expect(watch.stale([lease(5)], 0)).toEqual([]);
    expect(watch.stale([lease(5)], LEASE_MS - 5001)).toEqual([]);
    expect(watch.stale([lease(5)], LEASE_MS - 5000)).toEqual([lease(5)]);
  });

  it("begins anew with every renewal, and with every new owner", () => {
    const watch = new LeaseWatch();
    watch.stale([lease(5)], 0);
    expect(watch.stale([lease(6)], 24_000)).toEqual([]);
    expect(watch.stale([lease(6, 2)], 40_000)).toEqual([]);
    expect(watch.stale([lease(6, 2)], 64_000)).toEqual([]);
    expect(watch.stale([lease(6, 2)], 65_000)).toEqual([lease(6, 2)]);
  });

  it("watches each run for itself, and forgets those that are gone", () => {
    const watch = new LeaseWatch();
    watch.stale([lease(1, 1, "a"), lease(1, 1, "b")], 0);
    watch.stale([lease(1, 1, "b")], 10_000);
    expect(watch.stale([lease(1, 1, "a"), lease(1, 1, "b")], 25_000)).toEqual([lease(1, 1, "b")]);
  });
});
