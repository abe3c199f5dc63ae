import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { InstanceId } from "@ccr/protocol";
import { projectRoot, sharedDockerEngine, temporaryFolder, waitFor } from "@ccr/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DockerUnderTest, openDocker } from "../conformance/drivers.ts";
import { openEngineProxy, openSilentEngine } from "../conformance/engine-proxy.ts";
import { never, newInstanceId, openPlace, openSandbox } from "../conformance/sandbox.ts";
import { DockerDriver } from "./driver.ts";
import { engineAt, engineSocket } from "./engine.ts";
import { DockerImages } from "./image.ts";

// Long enough to tell it from an immediate refusal, on a busy machine too.
const ANSWER_WITHIN_MS = 300;

describe("an engine that takes calls and never answers", () => {
  it("hangs no call: each ends with a sentence about the engine", async () => {
    await using silent = await openSilentEngine();
    await using folder = await temporaryFolder();
    await using place = await openPlace("image");
    const options = { engine: silent.engine, owner: "tests", answerWithinMs: ANSWER_WITHIN_MS };
    const driver = new DockerDriver({ ...options, stateDir: folder.path });
    const images = new DockerImages({ ...options, projectRoot });
    const instanceId = newInstanceId();
    const handle = { version: 1, driver: "docker", instanceId, endpoint: { socketPath: "/s" }, data: { writable: [] } } as const;
    const calls = {
      create: driver.create(place.spec(), never()),
      inspect: driver.inspect(handle),
      logs: driver.logs(handle, never()),
      destroy: driver.destroy(handle),
      list: driver.list(),
      image: images.ensureImage(null, () => {}, never()),
    };
    const refusal = {
      code: "unavailable",
      message: expect.stringMatching(/^The Docker Engine at .* does not answer: .* within 0\.3 seconds\. Restart it\./),
    };
    await Promise.all(Object.entries(calls).map(([name, call]) => expect(call, name).rejects.toMatchObject(refusal)));
  });

  it("is given up at once, with the reason, when the caller does not want the answer any more", async () => {
    await using silent = await openSilentEngine();
    await using folder = await temporaryFolder();
    await using place = await openPlace("image");
    const driver = new DockerDriver({ engine: silent.engine, owner: "tests", stateDir: folder.path });
    const stop = new AbortController();
    const creating = driver.create(place.spec(), stop.signal);
    stop.abort(new Error("canceled"));
    await expect(creating).rejects.toThrow("canceled");
  });

  it("may break off in the middle of an answer", async () => {
    await using folder = await temporaryFolder();
    await using server = createServer((socket) => {
      socket
        .on("error", () => {})
        .once("data", () => {
          socket.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n[");
        });
    });
    await new Promise<void>((resolve) => server.listen(folder.join("s"), resolve));
    const ask = engineAt(folder.join("s"), ANSWER_WITHIN_MS);
    await expect(ask((docker) => docker.listContainers())).rejects.toThrow("no answer");
  });
});

const engine = await sharedDockerEngine();
if ("why" in engine) console.log(`The docker driver is not tested on an engine that falters: ${engine.why}.`);
describe.skipIf("why" in engine)("a real engine that falters", () => {
  const host = "host" in engine ? engine.host : "";
  const isCreate = ({ path }: { path: string }) => path.startsWith("/containers/create");
  let under: DockerUnderTest;
  beforeAll(async () => {
    if ("why" in engine) throw new Error(engine.why);
    under = await openDocker(engine);
  }, 900_000);
  afterAll(() => under[Symbol.asyncDispose]());

  const socketPath = () => {
    const socket = engineSocket(host);
    if ("problem" in socket) throw new Error(socket.problem);
    return socket.socketPath;
  };

  /** Does what the reaper does; gives how many it found. */
  const destroyListed = async (instanceId: InstanceId): Promise<number> => {
    const left = (await under.open().list()).filter((handle) => handle.instanceId === instanceId);
    for (const handle of left) await under.open().destroy(handle);
    return left.length;
  };

  it("has made, when an aborted create ends, whatever it makes of it: nothing comes after somebody looked", async () => {
    const arrived = Promise.withResolvers<void>();
    await using proxy = await openEngineProxy(socketPath(), async (call) => {
      if (!isCreate(call)) return "pass";
      arrived.resolve();
      await delay(500);
      return "pass";
    });
    await using place = await openPlace(under.image);
    const spec = place.spec();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(async () => void (await destroyListed(spec.instanceId)));
    const stop = new AbortController();
    const creating = under.openThrough(proxy.engine).create(spec, stop.signal);
    creating.catch(() => {});
    await arrived.promise;
    stop.abort(new Error("canceled"));
    await expect(creating).rejects.toThrow("canceled");
    const made = await under.traces(spec.instanceId);
    expect(made).toContainEqual(expect.stringMatching(/^container /));
    await proxy.settled();
    expect(await under.traces(spec.instanceId)).toEqual(made);
    expect(await destroyListed(spec.instanceId)).toBe(1);
    expect(await under.traces(spec.instanceId)).toEqual([]);
  });

  it("leaves what can be found and destroyed when it hangs over a create", async () => {
    await using proxy = await openEngineProxy(socketPath(), async (call) => (isCreate(call) ? "hang" : "pass"));
    await using place = await openPlace(under.image);
    const spec = place.spec();
    const creating = under.openThrough(proxy.engine, { answerWithinMs: 3_000 }).create(spec, never());
    await expect(creating).rejects.toThrow(/does not answer: .* within 9 seconds.*making the sandbox/);
    expect(await destroyListed(spec.instanceId)).toBe(1);
    expect(await under.traces(spec.instanceId)).toEqual([]);
  });

  it("makes another container in the place of one that it was killed over and can never start", async () => {
    const answers = ["id already in use", "failed to create shim task"];
    const created: string[] = [];
    await using proxy = await openEngineProxy(socketPath(), async ({ method, path }) => {
      if (method === "POST" && path.startsWith("/containers/create")) created.push(path);
      if (method !== "POST" || !path.endsWith("/start")) return "pass";
      const failure = answers.shift();
      return failure === undefined ? "pass" : { failure };
    });
    await using place = await openPlace(under.image);
    const driver = under.openThrough(proxy.engine);
    const spec = place.spec();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(async () => void (await destroyListed(spec.instanceId)));
    const handle = await driver.create(spec, never());
    expect(created).toHaveLength(3);
    expect(await driver.inspect(handle)).toMatchObject({ status: "running" });
    expect((await under.traces(spec.instanceId)).filter((trace) => trace.startsWith("container "))).toHaveLength(1);
    await driver.destroy(handle);
    answers.push("no", "no", "not at all", "no");
    await expect(driver.create(spec, never())).rejects.toThrow("not at all");
  });

  it("is asked again to remove what it failed to remove", async () => {
    let failures = 1;
    await using proxy = await openEngineProxy(socketPath(), async ({ method }) =>
      method === "DELETE" && failures-- > 0 ? "fail" : "pass",
    );
    await using place = await openPlace(under.image);
    const driver = under.openThrough(proxy.engine);
    const handle = await driver.create(place.spec(), never());
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(async () => void (await destroyListed(handle.instanceId)));
    await expect(driver.destroy(handle)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching("try again"),
    });
    expect(await driver.list()).toContainEqual(handle);
    expect(await driver.inspect(handle)).toMatchObject({ status: "running" });
    await driver.destroy(handle);
    expect(await under.traces(handle.instanceId)).toEqual([]);
  });

  it.each(["fail", "hang"] as const)(
    "tells of memory what is known without its events, when it is asked for these and they %s",
    async (how) => {
      await using proxy = await openEngineProxy(socketPath(), async ({ path }) => (path.startsWith("/events") ? how : "pass"));
      await using sandbox = await openSandbox(under, { limits: { memoryMb: 256 } });
      const driver = under.openThrough(proxy.engine);
      const { handle } = sandbox;
      const startedAt = performance.now();
      expect(await driver.inspect(handle)).toMatchObject({ status: "running", outOfMemoryKills: 0 });
      expect(performance.now() - startedAt).toBeLessThan(4_000);
      await sandbox.check("head -c 3000000000 /dev/zero | tail > /dev/null").catch(() => null);
      await sandbox.check("kill -9 $(pgrep -f ^/opt/ccr/node_modules/.bin/node)").catch(() => null);
      const state = await waitFor(
        async () => {
          const found = await driver.inspect(handle);
          return found.status === "exited" && found;
        },
        { what: "the sandbox to have ended" },
      );
      expect(state).toMatchObject({ exitCode: 137, outOfMemory: true, outOfMemoryKills: 1 });
    },
  );
});
