import type { Policy } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { decide } from "./policy.ts";

const policy: Policy = {
  allow: [
    { host: "allowed.test", ports: [443] },
    { host: "*.below.test", ports: [443, 80] },
  ],
};

describe("decide", () => {
  test.each([
    ["allowed.test", 443],
    ["a.below.test", 443],
    ["a.b.below.test", 80],
  ])("allows %s:%i", (host, port) => {
    expect(decide(policy, { host, port })).toMatchObject({ decision: "allow" });
  });

  test.each([
    ["allowed.test", 80],
    ["allowed.test", 22],
    ["allowed.evil.test", 443],
    ["allowed.test.evil.test", 443],
    ["notallowed.test", 443],
    ["sub.allowed.test", 443],
    ["below.test", 443],
    ["evilbelow.test", 443],
    [".below.test", 443],
    ["a.below.test", 22],
    ["a.below.test.evil.test", 443],
    ["test", 443],
  ])("denies %s:%i", (host, port) => {
    expect(decide(policy, { host, port })).toMatchObject({ decision: "deny", by: "policy" });
  });

  test("denies everything by default", () => {
    expect(decide({ allow: [] }, { host: "allowed.test", port: 443 })).toEqual({
      decision: "deny",
      by: "policy",
      rule: "allowed.test is not on the allow-list of this run",
    });
  });

  test("says when only the port is wrong", () => {
    expect(decide(policy, { host: "allowed.test", port: 22 }).rule).toContain("not with port 22");
  });

  test("denies when the policy cannot be read", () => {
    const broken: Policy = {
      get allow(): never {
        throw new Error("broken");
      },
    };
    expect(decide(broken, { host: "allowed.test", port: 443 })).toMatchObject({ decision: "deny", by: "gateway" });
  });
});
