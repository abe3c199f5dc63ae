import { describe, expect, it } from "vitest";
import { createAccess } from "./access.ts";

const local = createAccess({ token: "t".repeat(32), host: "127.0.0.1", publicUrl: null, loopbackOnly: true });
const shared = createAccess({
  token: "t".repeat(32),
  host: "0.0.0.0",
  publicUrl: "https://runner.example.org",
  loopbackOnly: false,
});

describe("access", () => {
  it("takes the token alone, and a session that the token made", () => {
    expect(local.isToken("t".repeat(32))).toBe(true);
    expect(local.isToken("t".repeat(31))).toBe(false);
    expect(local.isToken("")).toBe(false);
    expect(local.isSession(local.sessionValue)).toBe(true);
    expect(local.isSession("t".repeat(32))).toBe(false);
    const changed = createAccess({ token: "u".repeat(32), host: "127.0.0.1", publicUrl: null, loopbackOnly: true });
    expect(changed.isSession(local.sessionValue)).toBe(false);
  });

  it.each([
    ["127.0.0.1:4100", true],
    ["localhost:4100", true],
    ["LOCALHOST", true],
    ["[::1]:4100", true],
    ["evil.test:4100", false],
    ["127.0.0.1.evil.test", false],
    ["192.168.1.5:4100", false],
    ["", false],
    [undefined, false],
  ])("answers to Host %s: %s", (host, expected) => {
    expect(local.isOwnHost(host)).toBe(expected);
  });

  it("answers to its addresses and its public name when other machines may reach it", () => {
    expect(shared.isOwnHost("10.1.2.3:4100")).toBe(true);
    expect(shared.isOwnHost("runner.example.org")).toBe(true);
    expect(shared.isOwnHost("rebound.example.com")).toBe(false);
  });

  it.each([
    ["http://127.0.0.1:4100", true],
    ["http://127.0.0.1:4101", false],
    ["https://127.0.0.1:4100", false],
    ["null", false],
    ["http://127.0.0.1:4100.evil.test", false],
    ["http://localhost:4100", false],
  ])("lets a page of %s call it: %s", (origin, expected) => {
    expect(local.isOwnOrigin(origin, "127.0.0.1:4100")).toBe(expected);
  });

  it("lets the public address's page call it", () => {
    expect(shared.isOwnOrigin("https://runner.example.org", "10.1.2.3:4100")).toBe(true);
  });
});
