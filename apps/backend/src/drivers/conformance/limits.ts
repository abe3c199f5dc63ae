import type { SandboxHandle } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import type { SandboxDriver, SandboxState } from "../types.ts";
import { COUNT_FORKS, type DriverUnderTest, hostProcesses, never, openPlace, openSandbox } from "./sandbox.ts";

const MEBIBYTE = 1024 * 1024;

/** What a sandbox may use, and that others do not notice when it wants more. */
export const limitTests = (opened: () => DriverUnderTest): void => {
  const untilExited = (driver: SandboxDriver, handle: SandboxHandle): Promise<Extract<SandboxState, { status: "exited" }>> =>
    waitFor(
      async () => {
        const found = await driver.inspect(handle);
        return found.status === "exited" && found;
      },
      { what: "the sandbox to have ended", timeoutMs: 20_000 },
    );

  it("ends a command that wants more memory than the sandbox may have, or the whole sandbox, and says why", async () => {
    await using neighbour = await openSandbox(opened());
    await using sandbox = await openSandbox(opened(), { limits: { memoryMb: 256 } });
    const bomb = await sandbox.check("head -c 3000000000 /dev/zero | tail > /dev/null").catch(() => null);
    expect(bomb).not.toMatchObject({ passed: true });
    // With control groups version 2 all of it is gone now; else only the command is, and the rest follows.
    await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
    expect(await untilExited(sandbox.driver, sandbox.handle)).toMatchObject({ exitCode: 137, outOfMemory: true });
    expect(await neighbour.output("echo well")).toBe("well\n");
    expect(await neighbour.driver.inspect(neighbour.handle)).toMatchObject({ status: "running", outOfMemoryKills: 0 });
  });

  it("counts what is killed for memory while the sandbox goes on, and takes no later end of another kind for that", async () => {
    await using sandbox = await openSandbox(opened(), { limits: { memoryMb: 256 } });
    const { driver, handle } = sandbox;
    for (const kills of [1, 2]) {
      await sandbox.check("head -c 3000000000 /dev/zero | tail > /dev/null").catch(() => null);
      const state = await waitFor(
        async () => {
          const found = await driver.inspect(handle);
          return found.status !== "gone" && found.outOfMemoryKills >= kills && found;
        },
        { what: `${kills} to be counted` },
      );
      // With control groups version 2, bubblewrap's sandboxes end as a whole, and there is no later end.
      if (state.status === "exited") return expect(state).toMatchObject({ exitCode: 137, outOfMemory: true });
    }
    // What an engine sends that ends, or is told to end a sandbox.
    await sandbox.check("kill -TERM $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
    const { exitCode, outOfMemory, outOfMemoryKills } = await untilExited(driver, handle);
    expect(exitCode).not.toBe(137);
    expect(outOfMemory).toBe(false);
    expect(outOfMemoryKills).toBeGreaterThanOrEqual(1);
  });

  it("sees it when the executor itself has too little memory", async () => {
    const { image, open } = opened();
    await using place = await openPlace(image);
    const driver = open();
    const handle = await driver.create(place.spec({ limits: { memoryMb: 16 } }), never());
    try {
      const state = await untilExited(driver, handle);
      expect(state).toMatchObject({ exitCode: 137, outOfMemory: true });
      expect(state.outOfMemoryKills).toBeGreaterThanOrEqual(1);
    } finally {
      await driver.destroy(handle);
    }
  });

  it("counts what is kept in memory folders as memory", async () => {
    await using sandbox = await openSandbox(opened(), { limits: { memoryMb: 256 } });
    const filled = await sandbox.check("head -c 400000000 /dev/zero > /tmp/big").catch(() => null);
    expect(filled).not.toMatchObject({ passed: true });
  });

  it("tells what a sandbox uses as long as it runs: memory, processor time, processes and disk", async () => {
    const { meter } = opened();
    await using sandbox = await openSandbox(opened());
    const { handle } = sandbox;
    const before = await meter.usage(handle);
    if (before === null) throw new Error("it runs");
    expect(before.memoryBytes).toBeGreaterThan(MEBIBYTE);
    expect(before.processes).toBeGreaterThan(0);
    // Until they have left its session they end with the command.
    await sandbox.output(
      [
        "head -c 20000000 /dev/urandom > /workspace/made; sha256sum /workspace/made",
        "for i in 1 2 3; do setsid sh -c 'touch /tmp/up.'$i'; exec sleep 600' > /dev/null 2>&1 < /dev/null & done",
        'for i in 1 2 3; do until [ -e "/tmp/up.$i" ]; do sleep 0.05; done; done',
      ].join("\n"),
    );
    const after = await waitFor(
      async () => {
        const found = await meter.usage(handle);
        // With the executor's own.
        return found !== null && (found.processes ?? 0) > 3 && found;
      },
      { what: "its processes to be counted" },
    );
    expect(after.cpuMs).toBeGreaterThan(before.cpuMs ?? Number.POSITIVE_INFINITY);
    expect((after.diskBytes ?? 0) - (before.diskBytes ?? 0)).toBeGreaterThanOrEqual(20_000_000);
    await sandbox.driver.destroy(handle);
    expect(await meter.usage(handle)).toBeNull();
  });

  it("stops a fork bomb at the limit of processes, while a neighbour notices nothing", async () => {
    await using neighbour = await openSandbox(opened());
    await using sandbox = await openSandbox(opened(), { limits: { processes: 100 } });
    const count = await sandbox.output(COUNT_FORKS);
    expect(Number(count)).toBeGreaterThan(20);
    expect(Number(count)).toBeLessThan(100);
    // The classic one, which never stops by itself.
    const marker = `ccr-bomb-${process.pid}-${Date.now()}`;
    await sandbox
      .check(`setsid bash -c 'bomb() { bomb | bomb & }; bomb; exec -a ${marker} sleep 600' > /dev/null 2>&1 < /dev/null &`)
      .catch(() => null);
    expect(await neighbour.output("for i in $(seq 50); do /bin/true || exit 1; done; echo well")).toBe("well\n");
    await sandbox.driver.destroy(sandbox.handle);
    expect(await sandbox.driver.inspect(sandbox.handle)).toEqual({ status: "gone" });
    expect(await hostProcesses(marker)).toEqual([]);
  });

  it("lets no file grow beyond the disk limit, and tells how much the mounts hold", async () => {
    await using sandbox = await openSandbox(opened(), { limits: { diskMb: 32 } });
    const before = await sandbox.driver.inspect(sandbox.handle);
    await sandbox.output(
      "head -c 20000000 /dev/urandom > /workspace/fits && ln /workspace/fits /workspace/again && ln -s /usr /workspace/link",
    );
    const after = await sandbox.driver.inspect(sandbox.handle);
    expect(bytesOf(after) - bytesOf(before)).toBeGreaterThanOrEqual(20_000_000);
    expect(bytesOf(after) - bytesOf(before)).toBeLessThan(21_000_000);
    expect(await sandbox.check("head -c 100000000 /dev/zero > /workspace/big")).toMatchObject({ passed: false });
    expect(Number(await sandbox.output("stat -c %s /workspace/big"))).toBeLessThanOrEqual(32 * MEBIBYTE);
    // Several files together are not stopped by the kernel, but seen.
    await sandbox.output("for i in 1 2 3; do head -c 20000000 /dev/urandom > ~/$i; done");
    expect(bytesOf(await sandbox.driver.inspect(sandbox.handle))).toBeGreaterThan(32 * MEBIBYTE);
  });

  it("gets no more processor time than it may have", async () => {
    await using sandbox = await openSandbox(opened(), { limits: { cpus: 0.5 } });
    const share = await sandbox.node(`
      const begin = performance.now();
      const used = process.cpuUsage();
      while (performance.now() - begin < 1500);
      const { user, system } = process.cpuUsage(used);
      console.log((user + system) / 1000 / (performance.now() - begin));
    `);
    expect(Number(share)).toBeGreaterThan(0.05);
    expect(Number(share)).toBeLessThan(0.75);
  });

  it("takes everything with it, a daemon too that left its parents and ignores every signal it can", async () => {
    await using sandbox = await openSandbox(opened());
    const marker = `ccr-daemon-${process.pid}-${Date.now()}`;
    await sandbox.output(
      `(setsid bash -c 'trap "" TERM HUP INT QUIT; exec -a ${marker} sleep 600' > /dev/null 2>&1 < /dev/null &); until pgrep -f ^${marker}; do :; done`,
    );
    expect(await hostProcesses(marker)).not.toEqual([]);
    await sandbox.driver.destroy(sandbox.handle);
    expect(await hostProcesses(marker)).toEqual([]);
  });
};

const bytesOf = (state: SandboxState): number => {
  if (state.status === "gone") throw new Error("the sandbox is gone");
  return state.diskBytes;
};
