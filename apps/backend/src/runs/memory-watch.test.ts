import { describe, expect, it } from "vitest";
import type { SandboxState } from "../drivers/types.ts";
import { MemoryWatch } from "./memory-watch.ts";

const running = (outOfMemoryKills: number): SandboxState => ({ status: "running", outOfMemoryKills, diskBytes: 0 });
const ended = (outOfMemoryKills: number): SandboxState => ({
  status: "exited",
  exitCode: 137,
  outOfMemory: outOfMemoryKills > 0,
  outOfMemoryKills,
  diskBytes: 0,
});

describe("a sandbox's memory", () => {
  it("ran out when the count rose between the last look and this one, or the one before", () => {
    const watch = new MemoryWatch();
    watch.see(running(0), 0);
    expect(watch.ranOut(0)).toBe(false);
    watch.see(running(1), 2000);
    expect(watch.ranOut(2000)).toBe(true);
    watch.see(running(1), 4000);
    expect(watch.ranOut(4000)).toBe(true);
  });

  it("did not run out for what was killed long before, whatever ended the sandbox then", () => {
    const watch = new MemoryWatch();
    watch.see(running(0), 0);
    watch.see(running(1), 2000);
    watch.see(ended(1), 60_000);
    expect(watch.ranOut(60_000)).toBe(false);
    watch.see(ended(2), 61_000);
    expect(watch.ranOut(61_000)).toBe(true);
  });

  it("is judged by the count alone when the first look finds it ended, and not when it finds it running", () => {
    const dead = new MemoryWatch();
    dead.see(ended(1), 500);
    expect(dead.ranOut(500)).toBe(true);
    const alive = new MemoryWatch();
    alive.see(running(3), 500);
    expect(alive.ranOut(500)).toBe(false);
    alive.see({ status: "gone" }, 600);
    expect(alive.ranOut(600)).toBe(false);
  });
});
