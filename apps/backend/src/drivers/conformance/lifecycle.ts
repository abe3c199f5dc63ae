import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxHandle } from "@ccr/protocol";
import { waitFor } from "@ccr/testkit";
import { expect, it } from "vitest";
import { sandboxIdentity, serverIdentity } from "../identity.ts";
import { type DriverUnderTest, never, newInstanceId, openPlace, openSandbox, talkTo, waitUntilHealthy } from "./sandbox.ts";

/** The handle that another instance's sandbox would have. */
const rename = (handle: SandboxHandle, instanceId: string): SandboxHandle =>
  SandboxHandle.parse(JSON.parse(JSON.stringify(handle).replaceAll(handle.instanceId, instanceId)));

/** Create, inspect, logs, destroy and list, whatever happens between them. */
export const lifecycleTests = (opened: () => DriverUnderTest): void => {
  const idsOf = async (driver: ReturnType<DriverUnderTest["open"]>) => (await driver.list()).map(({ instanceId }) => instanceId);

  it("says that it can be used here", async () => {
    expect(await opened().open().probe(never())).toEqual({ usable: true, details: expect.stringMatching(/\d+\.\d+/) });
  });

  it("makes a sandbox whose executor answers, and leaves nothing of it behind", async () => {
    const { image, open, traces } = opened();
    await using place = await openPlace(image);
    const driver = open();
    await using cleanUp = new AsyncDisposableStack();
    const handle = await driver.create(place.spec(), never());
    cleanUp.defer(() => driver.destroy(handle));
    const sandbox = talkTo({ driver, handle, place });
    await waitUntilHealthy(sandbox);
    expect(handle).toMatchObject({ driver: driver.name, endpoint: { socketPath: `${place.path("doors")}/executor.sock` } });
    expect(await driver.inspect(handle)).toMatchObject({ status: "running", outOfMemoryKills: 0 });
    expect(await driver.list()).toContainEqual(handle);
    expect(await driver.logs(handle, never())).toContain("listening");
    expect(await traces(handle.instanceId)).not.toEqual([]);
    await sandbox.output("echo kept > /workspace/file");

    await driver.destroy(handle);
    expect(await driver.inspect(handle)).toEqual({ status: "gone" });
    expect(await idsOf(driver)).not.toContain(handle.instanceId);
    expect(await driver.logs(handle, never())).toBe("");
    expect(await traces(handle.instanceId)).toEqual([]);
    expect(existsSync(`${place.path("workspace")}/file`)).toBe(true);
  });

  it("gives the writable mounts, and only those, to the sandbox's user", async () => {
    await using sandbox = await openSandbox(opened());
    const { uid } = sandboxIdentity(serverIdentity());
    expect((await stat(sandbox.place.path("workspace"))).uid).toBe(uid);
    expect((await stat(sandbox.place.path("mirror"))).uid).toBe(serverIdentity().uid);
    expect(await sandbox.output("touch /workspace/a /spool/a /doors/a ~/a && ls /mirrors/one")).toBe("");
    expect((await sandbox.check("touch /mirrors/one/a")).output).toMatch(/Read-only file system|Permission denied/);
  });

  it("gives the first sandbox again when it is asked twice, one after the other or at once", async () => {
    const { image, open } = opened();
    await using place = await openPlace(image);
    const driver = open();
    const handles = await Promise.all([driver.create(place.spec(), never()), driver.create(place.spec(), never())]);
    const [handle] = handles;
    const sandbox = talkTo({ driver, handle, place });
    try {
      await waitUntilHealthy(sandbox);
      const { startedAt } = await sandbox.health();
      expect(await open().create(place.spec(), never())).toEqual(handle);
      expect(handles[1]).toEqual(handle);
      expect((await sandbox.health()).startedAt).toBe(startedAt);
      expect((await idsOf(driver)).filter((id) => id === handle.instanceId)).toHaveLength(1);
    } finally {
      await driver.destroy(handle);
    }
  });

  it("destroys what is destroyed already, or was never made, without complaint", async () => {
    const { image, open } = opened();
    await using place = await openPlace(image);
    const driver = open();
    const handle = await driver.create(place.spec(), never());
    await Promise.all([driver.destroy(handle), driver.destroy(handle)]);
    await driver.destroy(handle);
    await driver.destroy(rename(handle, newInstanceId()));
    expect(await driver.inspect(handle)).toEqual({ status: "gone" });
  });

  it("throws, and does no harm, when it is given the handle of another driver", async () => {
    await using sandbox = await openSandbox(opened());
    const { driver, handle } = sandbox;
    const { startedAt } = await sandbox.health();
    const foreign = { ...handle, driver: "another" };
    const refusal = { code: "internal", message: expect.stringMatching(`${handle.instanceId} .*'another'.*'${driver.name}'`) };
    await expect(driver.destroy(foreign)).rejects.toMatchObject(refusal);
    await expect(driver.inspect(foreign)).rejects.toMatchObject(refusal);
    await expect(driver.logs(foreign, never())).rejects.toMatchObject(refusal);
    expect((await sandbox.health()).startedAt).toBe(startedAt);
    expect(await driver.inspect(handle)).toMatchObject({ status: "running" });
  });

  it("does nothing with a folder that cannot be the sandbox's own", async () => {
    await using sandbox = await openSandbox(opened());
    const { driver, handle, place } = sandbox;
    await using other = await openPlace("");
    const { startedAt } = await sandbox.health();
    for (const folder of [
      other.path("workspace"),
      "relative",
      `${place.path("home")}/../${handle.instanceId}`,
      `/x/../${handle.instanceId}`,
    ]) {
      const forged = { ...handle, data: { ...handle.data, folder } };
      await expect(driver.destroy(forged), folder).rejects.toThrow(/names a folder that cannot be its own/);
    }
    await expect(driver.destroy({ ...handle, instanceId: newInstanceId() })).rejects.toThrow(/cannot be its own/);
    expect(existsSync(other.path("workspace"))).toBe(true);
    expect((await sandbox.health()).startedAt).toBe(startedAt);
  });

  it("finds, and removes, whatever an aborted create left", async () => {
    const { image, open, traces } = opened();
    for (const afterMs of [0, 2, 10, 25, 60, 150]) {
      await using place = await openPlace(image);
      const driver = open();
      const spec = place.spec();
      const abort = new AbortController();
      const creating = driver.create(spec, abort.signal).catch(() => null);
      if (afterMs > 0) await delay(afterMs);
      abort.abort();
      const handle = await creating;
      const found = (await open().list()).filter(({ instanceId }) => instanceId === spec.instanceId);
      expect(found.length, `aborted after ${afterMs} ms`).toBeLessThanOrEqual(1);
      if (handle !== null) expect(found).toEqual([handle]);
      // The engine may still be at work on what it was asked for: the reaper comes back until nothing is listed.
      await waitFor(
        async () => {
          for (const left of await open().list()) if (left.instanceId === spec.instanceId) await open().destroy(left);
          return (await traces(spec.instanceId)).length === 0;
        },
        { what: `nothing to be left after an abort at ${afterMs} ms`, timeoutMs: 15_000, intervalMs: 50 },
      );
    }
  });

  it("makes the sandbox when it is asked again after an aborted create", async () => {
    const { image, open } = opened();
    await using place = await openPlace(image);
    const driver = open();
    await driver.create(place.spec(), AbortSignal.abort()).catch(() => {});
    const handle = await driver.create(place.spec(), never());
    try {
      await waitUntilHealthy(talkTo({ driver, handle, place }));
    } finally {
      await driver.destroy(handle);
    }
  });

  it("finds a running sandbox again after a restart of the server", async () => {
    const { open } = opened();
    await using sandbox = await openSandbox(opened());
    const { startedAt } = await sandbox.health();
    const restarted = open();
    const handle = (await restarted.list()).find(({ instanceId }) => instanceId === sandbox.handle.instanceId);
    expect(handle).toEqual(sandbox.handle);
    expect(await restarted.inspect(sandbox.handle)).toMatchObject({ status: "running" });
    expect((await sandbox.health()).startedAt).toBe(startedAt);
    await restarted.destroy(sandbox.handle);
    expect(await sandbox.driver.inspect(sandbox.handle)).toEqual({ status: "gone" });
  });

  it("tells how the executor ended, and keeps its log until it is destroyed", async () => {
    await using sandbox = await openSandbox(opened());
    await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
    const state = await waitFor(
      async () => {
        const found = await sandbox.driver.inspect(sandbox.handle);
        return found.status === "exited" && found;
      },
      { what: "the sandbox to have ended" },
    );
    expect(state).toMatchObject({ exitCode: 137, outOfMemory: false, outOfMemoryKills: 0 });
    expect(await sandbox.driver.logs(sandbox.handle, never())).toContain("listening");
    expect((await sandbox.driver.list()).map(({ instanceId }) => instanceId)).toContain(sandbox.handle.instanceId);
  });

  it("tells the exit code and the complaint of an executor that cannot start", async () => {
    const { image, open } = opened();
    await using place = await openPlace(image);
    const driver = open();
    const handle = await driver.create(place.spec({ env: { EXECUTOR_LISTEN: "nonsense" } }), never());
    try {
      const state = await waitFor(
        async () => {
          const found = await driver.inspect(handle);
          return found.status === "exited" && found;
        },
        { what: "the sandbox to have ended" },
      );
      expect(state).toMatchObject({ exitCode: 1, outOfMemory: false });
      expect(await driver.logs(handle, never())).toContain("EXECUTOR_LISTEN");
    } finally {
      await driver.destroy(handle);
    }
  });

  it("refuses a mount that is not there, and a door whose path is too long, saying which", async () => {
    const { image, open, traces } = opened();
    await using place = await openPlace(image);
    const driver = open();
    const spec = place.spec();
    await rm(place.path("mirror"), { recursive: true });
    await expect(driver.create(spec, never())).rejects.toThrow(place.path("mirror"));
    const far = `/${"far/".repeat(30)}doors`;
    const mounts = spec.mounts.map((mount) => (mount.target === "/doors" ? { ...mount, source: far } : mount));
    await expect(driver.create({ ...spec, mounts }, never())).rejects.toThrow(/bytes long.*CCR_DATA_DIR/);
    expect(await traces(spec.instanceId)).toEqual([]);
  });
};
