import { sharedDockerEngine, temporaryFolder } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPrivateEngine, type PrivateEngine, RUNTIME_MOUNTS } from "../conformance/private-engine.ts";
import { never, openPlace, type Sandbox, talkTo, waitUntilHealthy } from "../conformance/sandbox.ts";
import { DockerDriver } from "./driver.ts";
import { engineSocket } from "./engine.ts";

// Refused calls end at once, silent ones within the driver's own limit for looking.
const SOON_MS = 30_000;

const shared = await sharedDockerEngine();
const isRoot = process.getuid?.() === 0;
const why = "why" in shared ? shared.why : isRoot ? null : "only root can start a private Docker Engine";
if (why !== null) console.log(`Sandboxes of an engine that is killed are not tested: ${why}.`);

describe.skipIf(why !== null).each([{ liveRestore: false }, { liveRestore: true }])(
  "a sandbox whose engine restarts, live restore $liveRestore",
  ({ liveRestore }) => {
    let engine: PrivateEngine;
    const image = "baseImage" in shared ? shared.baseImage : "";
    beforeAll(async () => {
      const socket = engineSocket("host" in shared ? shared.host : "");
      if ("problem" in socket) throw new Error(socket.problem);
      engine = await openPrivateEngine({ reference: image, from: socket.socketPath }, { liveRestore });
    });
    afterAll(() => engine[Symbol.asyncDispose]());

    const openSandbox = async (): Promise<Sandbox & { recreate(): Promise<void> }> => {
      await using cleanUp = new AsyncDisposableStack();
      const folder = cleanUp.use(await temporaryFolder());
      const place = cleanUp.use(await openPlace(image));
      const driver = new DockerDriver({ engine: engine.host, owner: "restart", stateDir: folder.path });
      const plain = place.spec();
      const spec = { ...plain, mounts: [...plain.mounts, ...RUNTIME_MOUNTS] };
      const handle = await driver.create(spec, never());
      cleanUp.defer(() => driver.destroy(handle));
      const sandbox = talkTo({ driver, handle, place });
      await waitUntilHealthy(sandbox);
      const owned = cleanUp.move();
      const recreate = async () => {
        await driver.destroy(handle);
        expect(await driver.inspect(handle)).toEqual({ status: "gone" });
        expect(await driver.create(spec, never())).toEqual(handle);
        await waitUntilHealthy(sandbox);
      };
      return { ...sandbox, recreate, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    };

    /** That nobody takes an engine that is away for a sandbox that is gone. */
    const expectUnknown = async ({ driver, handle }: Sandbox): Promise<void> => {
      const startedAt = performance.now();
      await expect(driver.inspect(handle)).rejects.toMatchObject({ code: "unavailable" });
      await expect(driver.list()).rejects.toMatchObject({ code: "unavailable" });
      expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
    };

    it.each([{ signal: "SIGKILL" as const }, { signal: "SIGTERM" as const }])(
      "is made anew over its mounts when that was $signal, and is as it is meanwhile",
      async ({ signal }) => {
        await using sandbox = await openSandbox();
        const { driver, handle } = sandbox;
        await sandbox.output("echo kept > /workspace/file");
        const { startedAt } = await sandbox.health();
        await engine.signal(signal);
        await expectUnknown(sandbox);
        const goesOn = liveRestore || signal === "SIGKILL";
        // Without its engine a container lives on, unless that was told to take its containers with it.
        if (goesOn) expect((await sandbox.health()).startedAt).toBe(startedAt);
        else await expect(sandbox.health()).rejects.toThrow();
        await engine.start();
        const state = await driver.inspect(handle);
        expect(await driver.list()).toContainEqual(handle);
        if (liveRestore) {
          expect(state).toMatchObject({ status: "running" });
          expect((await sandbox.health()).startedAt).toBe(startedAt);
        } else {
          // An engine that starts ends what it finds of its predecessor's, and starts none of it again.
          // The executor takes that for an order to end, and says so by its code.
          expect(state).toMatchObject({ status: "exited", exitCode: 143, outOfMemory: false });
          await expect(sandbox.health()).rejects.toThrow();
        }
        await sandbox.recreate();
        expect((await sandbox.health()).startedAt).not.toBe(startedAt);
        expect(await sandbox.output("cat /workspace/file")).toBe("kept\n");
      },
      120_000,
    );

    it("is not gone while its engine is stopped and takes calls without answering", async () => {
      await using sandbox = await openSandbox();
      await engine.signal("SIGSTOP");
      try {
        const startedAt = performance.now();
        await expect(sandbox.driver.inspect(sandbox.handle)).rejects.toMatchObject({
          code: "unavailable",
          message: expect.stringContaining("does not answer"),
        });
        expect(performance.now() - startedAt).toBeLessThan(SOON_MS);
      } finally {
        await engine.signal("SIGCONT");
      }
      expect(await sandbox.driver.inspect(sandbox.handle)).toMatchObject({ status: "running" });
    });
  },
);
