import { describe, expect, test } from "vitest";
import { AllowHostInput, hostsNamed, namesHost, whyNeverAllowed, withHost } from "./allowed-hosts.ts";
import { describeZodError } from "./errors.ts";

const id = "run_0123456789";

describe("a host to be allowed for a run", () => {
  test.each(["example.org", "*.example.org", "local.example.org", "internal.example.org", "x1.example.org", "1and1.com"])(
    "may be %s",
    (host) => {
      expect(AllowHostInput.parse({ id, host: host.toUpperCase() })).toEqual({ id, host, port: 443 });
    },
  );

  test.each([
    ["127.0.0.1", "is an address"],
    ["10.0.0.5", "is an address"],
    ["169.254.169.254", "is an address"],
    ["8.8.8.8", "is an address"],
    ["0x7f000001", "is an address"],
    ["2130706433", "is an address"],
    ["*.0.0.1", "is an address"],
    ["::1", "is an address"],
    ["[fe80::1]", "is an address"],
    ["localhost", "private network"],
    ["LOCALHOST", "private network"],
    ["a.localhost", "private network"],
    ["*.localhost", "private network"],
    ["printer.local", "private network"],
    ["metadata.google.internal", "private network"],
    ["host.docker.internal", "private network"],
    ["nas.home.arpa", "private network"],
    ["api.anthropic.com", "model route alone"],
    ["", "is not a host name"],
    ["a b", "is not a host name"],
    ["https://example.org", "is an address"],
    ["example.org/path", "is not a host name"],
    ["-a.org", "is not a host name"],
    ["*", "is not a host name"],
    ["example.org.", "is not a host name"],
    [`${"a".repeat(300)}.org`, "is longer than a host name can be"],
  ])("is never %s, and it is said why", (host, why) => {
    const { error } = AllowHostInput.safeParse({ id, host });
    expect(error === undefined ? "it may be" : describeZodError(error)).toMatch(new RegExp(`^host: .*${why}`));
  });

  test.each([0, -1, 65536, 1.5, "443"])("has no port %s", (port) => {
    expect(AllowHostInput.safeParse({ id, host: "example.org", port }).success).toBe(false);
  });

  test("is told apart from those that can be allowed by the same words that the page shows", () => {
    expect(whyNeverAllowed("example.org")).toBeNull();
    expect(whyNeverAllowed("192.168.0.1")).toContain("only names of hosts can be allowed");
  });
});

describe("the rules of a run", () => {
  test("have each host once, with its ports, however often it is allowed", () => {
    const asked = [
      { host: "a.test", port: 443 },
      { host: "b.test", port: 443 },
      { host: "a.test", port: 8443 },
      { host: "a.test", port: 443 },
    ];
    const rules = asked.reduce((all, one) => withHost(all, one), withHost([], { host: "a.test", port: 443 }));
    expect(rules).toEqual([
      { host: "a.test", ports: [443, 8443] },
      { host: "b.test", ports: [443] },
    ]);
    expect(hostsNamed(rules)).toBe(3);
    expect(namesHost(rules, { host: "b.test", port: 8443 })).toBe(false);
    expect(namesHost(withHost([], { host: "*.b.test", port: 443 }), { host: "a.b.test", port: 443 })).toBe(false);
  });
});
