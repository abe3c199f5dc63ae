import {
  EXECUTOR_DOOR_LOST_EXIT_CODE,
  EXECUTOR_SPOOL_HELD_EXIT_CODE,
  type InstanceId,
  type Run,
  type SandboxHandle,
} from "@ccr/protocol";
import type { SandboxDriver, SandboxState } from "../drivers/types.ts";
import type { InstanceRecord } from "../store/instance-types.ts";
import { within } from "./clock.ts";
import type { RunDeps } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { environmentAsPrepared } from "./environment.ts";
import { type ExecutorClient, ExecutorLostError } from "./executor-client.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { messageOf, type Scene } from "./scene.ts";
import { type MountedMirror, sandboxSpec, type Workplace, workplaceAt } from "./workplace.ts";

// An executor that does not answer for this long after its sandbox was made will not come any more.
const HEALTHY_WITHIN_MS = 60_000;
const ONE_LOOK_MS = 5000;
const PROBE_WITHIN_MS = 10_000;
// An engine that is started again is back within seconds; it is asked this often meanwhile.
const ASK_ENGINE_EVERY_MS = 1000;
/** A sandbox that dies so often, without the agent's getting on in between, is given up. */
const REVIVALS_MAX = 5;

// By SIGKILL, SIGTERM and SIGINT, as a shell tells it, or since another one was in its place: such an executor did not fail by itself.
const KILLED = [137, 143, 130, EXECUTOR_SPOOL_HELD_EXIT_CODE, EXECUTOR_DOOR_LOST_EXIT_CODE];

/** The sandbox of a run, and how to speak with its executor. */
export type OpenedSandbox = {
  instanceId: InstanceId;
  place: Workplace;
  handle: SandboxHandle;
  driver: SandboxDriver;
  executor: ExecutorClient;
  /** Aborts, with an `ExecutorLostError`, everything that waits for an executor that will not answer any more. */
  cut: AbortController;
  memory: MemoryWatch;
};

/** The run's sandbox; to be asked only where there must be one. */
export const sandboxOf = ({ run, sandbox }: Scene): OpenedSandbox => {
  if (sandbox === null) throw new Error(`${run.id} has no sandbox`);
  return sandbox;
};

/** Tells an engine that is down from a sandbox, or an image, that could not be made. */
export const sandboxNotMade = async (deps: RunDeps, error: unknown): Promise<RunEnded> => {
  if (error instanceof RunEnded) return error;
  const probe = await within(deps.clock, { ms: PROBE_WITHIN_MS }, (until) => deps.driver.probe(until));
  if (!probe.usable) return new RunEnded("driver_unavailable", probe.why, { cause: error });
  return new RunEnded("sandbox_failed", messageOf(error), { cause: error });
};

export const isDriverAway = (error: unknown): boolean =>
  error instanceof RunEnded && error.ending.reason === "driver_unavailable";

export const driverNamed = (deps: Pick<RunDeps, "drivers">, name: string): SandboxDriver => {
  const driver = deps.drivers.find((each) => each.name === name);
  if (driver === undefined) throw new Error(`there is no driver '${name}' on this server`);
  return driver;
};

/**
 * Whether the sandbox is where we can reach it: ours, whatever this machine is called now, or another server's on this machine. One that was
 * being made when that server died has no handle, and only its own driver finds it.
 */
export const isHere = (deps: Pick<RunDeps, "server" | "machine">, record: InstanceRecord): boolean =>
  record.server === deps.server || (record.place.machine === deps.machine && record.handle !== null);

/** What to ask of a driver, and for whom. */
type Wanted = {
  run: Run;
  fence: number;
  instanceId: InstanceId;
  place: Workplace;
  driver: SandboxDriver;
  image: string;
  mirrors: readonly MountedMirror[];
  isGiven: boolean;
  setup: string | null;
  prewarm: boolean;
};

/**
 * Makes a sandbox over a workplace and waits until its executor answers. The instance's record is there before, and the handle is
 * stored before it is used, so that `takeDown` finds whatever came of it. Throws `RunEnded`, and `ExecutorLostError` when it was killed.
 */
export const openSandbox = async (scene: Scene, wanted: Wanted, signal: AbortSignal): Promise<OpenedSandbox> => {
  const { deps, stores } = scene;
  const { instanceId, place, driver, fence } = wanted;
  const { environment } = wanted.run;
  const variables = environment === null ? {} : environmentAsPrepared(environment, scene.prepared).variables;
  let handle: SandboxHandle;
  // Asked as late as can be: somebody who took the run over makes a sandbox over the same folders.
  await scene.hold();
  try {
    handle = await driver.create(sandboxSpec({ ...wanted, variables, now: deps.clock.now() }), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw await sandboxNotMade(deps, error);
  }
  await stores.instances.saveHandle(instanceId, handle, fence);
  const opened = {
    instanceId,
    place,
    handle,
    driver,
    executor: deps.connect(handle.endpoint, fence),
    cut: new AbortController(),
    memory: new MemoryWatch(),
  };
  await untilHealthy(deps, opened, signal).catch(async (error: unknown) => {
    signal.throwIfAborted();
    throw error instanceof ExecutorLostError ? error : await sandboxNotMade(deps, error);
  });
  await stores.instances.setStatus(instanceId, "idle", fence);
  return opened;
};

const untilHealthy = async (deps: RunDeps, opened: OpenedSandbox, signal: AbortSignal): Promise<void> => {
  const { clock } = deps;
  const { driver, handle, executor } = opened;
  const giveUpAt = clock.elapsedMs() + HEALTHY_WITHIN_MS;
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    // When the look began: a server that was frozen meanwhile looks once more.
    const isLate = clock.elapsedMs() > giveUpAt;
    try {
      await within(clock, { ms: ONE_LOOK_MS, signal }, (until) => executor.health(until));
      return;
    } catch (error) {
      signal.throwIfAborted();
      // The first looks come quickly, since the executor is up within some hundred milliseconds; the state is asked for now and then.
      if (isLate || tries % 20 === 0) {
        const state = await driver.inspect(handle).catch((away: unknown) => {
          if (isLate) throw away;
          return null;
        });
        // An engine that does not answer now says nothing about the sandbox.
        if (state === null) {
          await clock.wait(ASK_ENGINE_EVERY_MS, signal);
          continue;
        }
        if (state.status === "gone") throw new ExecutorLostError("The sandbox was removed from outside.", { cause: error });
        if (state.status === "exited" && KILLED.includes(state.exitCode) && !state.outOfMemory)
          throw new ExecutorLostError("The sandbox was killed.", { cause: error });
        if (isLate || state.status !== "running") {
          const printed = await within(clock, { ms: ONE_LOOK_MS }, (until) => driver.logs(handle, until)).catch(() => "");
          const said = printed.trim().split("\n").slice(-5).join("\n");
          throw new RunEnded("sandbox_failed", said === "" ? "Its executor did not answer." : `Its executor said: ${said}`, {
            cause: error,
          });
        }
      }
      await clock.wait(Math.min(10 + tries * 2, 250), signal);
    }
  }
};

/** Speaks with a sandbox that was made before. Whether it is still there shows when it is asked. */
export const attachSandbox = (
  deps: Pick<RunDeps, "connect" | "drivers">,
  record: InstanceRecord,
  fence: number | null,
): OpenedSandbox | null => {
  const { handle } = record;
  if (handle === null) return null;
  return {
    instanceId: record.id,
    place: workplaceAt(record.place),
    handle,
    driver: driverNamed(deps, handle.driver),
    executor: deps.connect(handle.endpoint, fence),
    cut: new AbortController(),
    memory: new MemoryWatch(),
  };
};

/** What became of a sandbox; an engine that does not answer now is asked until it does, or the signal aborts. */
export const inspectPatiently = async (scene: Scene, opened: OpenedSandbox, signal: AbortSignal): Promise<SandboxState> => {
  const { deps, run } = scene;
  for (let tries = 1; ; tries++) {
    try {
      return await opened.driver.inspect(opened.handle);
    } catch (error) {
      signal.throwIfAborted();
      if (tries === 1)
        deps.log("warn", "a sandbox cannot be looked at now; trying again", { runId: run.id, error: messageOf(error) });
      await deps.clock.wait(ASK_ENGINE_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }
};

/**
 * Makes a dead sandbox again over the folders that it left: the workspace, the spool and Claude Code's conversation go on. Throws
 * `RunEnded` when that was tried too often in a row, or there is nothing left to go on with.
 */
export const revive = async (
  scene: Scene,
  options: { why: string; prewarm: boolean; signal: AbortSignal },
): Promise<OpenedSandbox> => {
  const { run, fence, deps, log } = scene;
  const { why, prewarm, signal } = options;
  const dead = sandboxOf(scene);
  if (++scene.revivals > REVIVALS_MAX)
    throw new RunEnded("sandbox_lost", `${why} It was started again ${REVIVALS_MAX} times, and ended each time.`);
  if (!(await deps.places.has(dead.place))) throw new RunEnded("sandbox_lost", `${why} Nothing is left of its workspace.`);
  dead.cut.abort(new ExecutorLostError(why));
  await scene.hold();
  await destroyPatiently(scene, dead, signal);
  // Whatever of it its engine has lost sight of ends when its door is gone, and lets go of the folders.
  await deps.places.closeDoor(dead.place);
  const { instanceId, place, driver } = dead;
  const wanted = { run, fence, instanceId, place, driver, mirrors: [], isGiven: false, setup: null, prewarm };
  const opened = await openPatiently(scene, wanted, signal).catch((error: unknown) => {
    throw error instanceof RunEnded && error.ending.reason === "sandbox_failed"
      ? new RunEnded("sandbox_lost", `${why} It could not be started again: ${error.message}`, { cause: error })
      : error;
  });
  scene.sandbox = opened;
  deps.metrics.resumed("sandbox");
  await log.write({ type: "resumed", after: "sandbox", text: `${why} It was started again over the files that it left.` });
  return opened;
};

/** The image of a run's sandboxes, made if need be; empty for drivers that have none. */
export const imageOf = async (scene: Scene, report: (text: string) => void, signal: AbortSignal): Promise<string> => {
  const { images } = scene.deps;
  return images === null ? "" : images.ensureImage(scene.prepared?.baseImage ?? null, report, signal);
};

/** Opens a sandbox for a run that is going on: an engine that is away is waited for, as long as the run may take. */
export const openPatiently = async (scene: Scene, wanted: Omit<Wanted, "image">, signal: AbortSignal): Promise<OpenedSandbox> => {
  const { deps } = scene;
  for (;;) {
    try {
      const image = await imageOf(scene, () => {}, signal);
      return await openSandbox(scene, { ...wanted, image }, signal);
    } catch (error) {
      signal.throwIfAborted();
      const known = error instanceof RunEnded || error instanceof ExecutorLostError ? error : await sandboxNotMade(deps, error);
      if (!isDriverAway(known)) throw known;
      await deps.clock.wait(ASK_ENGINE_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }
};

/**
 * Also what is left here of an earlier one: of a sandbox that ended before it answered, or that was made before another server went on with
 * the run in one of its own. The driver would give it back instead of a new one.
 */
export const destroyPatiently = async (
  { deps, run }: Scene,
  { driver, handle, instanceId }: OpenedSandbox,
  signal: AbortSignal,
): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      await driver.destroy(handle);
      for (const left of await driver.list()) if (left.instanceId === instanceId) await driver.destroy(left);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (tries === 1)
        deps.log("warn", "a dead sandbox cannot be removed now; trying again", { runId: run.id, error: messageOf(error) });
      await deps.clock.wait(ASK_ENGINE_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }
};

/**
 * Destroys an instance's sandbox, whatever became of it, and says that it is stopped. Idempotent. Throws when the sandbox cannot be
 * destroyed now: then nothing else is touched, and the reaper tries again. Its folders stay: see `clear`. `fence` is that of the one who
 * drives the run, and null for a run that nobody drives.
 */
export const takeDown = async (deps: RunDeps, record: InstanceRecord, fence: number | null): Promise<void> => {
  const driver = driverNamed(deps, record.driver);
  const handle = record.handle ?? (await driver.list()).find(({ instanceId }) => instanceId === record.id);
  if (handle !== undefined) await driver.destroy(handle);
  await deps.store.instances.setStatus(record.id, "stopped", fence);
};

/** Destroys an instance's sandbox and removes its folders: nothing of it is needed any more. Idempotent. */
export const clear = async (deps: RunDeps, record: InstanceRecord, fence: number | null): Promise<void> => {
  await takeDown(deps, record, fence);
  await deps.places.remove(workplaceAt(record.place));
};
