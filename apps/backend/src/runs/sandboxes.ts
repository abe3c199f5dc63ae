import type { InstanceId, Run, SandboxHandle } from "@ccr/protocol";
import type { SandboxDriver } from "../drivers/types.ts";
import type { RunDeps } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { connectExecutor, type ExecutorClient } from "./executor-client.ts";
import { wait } from "./wait.ts";
import { removeWorkplace, sandboxSpec, type Workplace, workplaceOf } from "./workplace.ts";

// An executor that does not answer for this long after its sandbox was made will not come any more.
const HEALTHY_WITHIN_MS = 60_000;
const ONE_LOOK_MS = 5000;
const PROBE_WITHIN_MS = 10_000;

/** A sandbox whose executor answers. */
export type OpenedSandbox = { handle: SandboxHandle; driver: SandboxDriver; executor: ExecutorClient };

/** Tells an engine that is down from a sandbox, or an image, that could not be made. */
export const sandboxNotMade = async (deps: RunDeps, error: unknown): Promise<RunEnded> => {
  if (error instanceof RunEnded) return error;
  const probe = await deps.driver.probe(AbortSignal.timeout(PROBE_WITHIN_MS));
  if (!probe.usable) return new RunEnded("driver_unavailable", probe.why, { cause: error });
  return new RunEnded("sandbox_failed", error instanceof Error ? error.message : String(error), { cause: error });
};

/**
 * Makes a sandbox over a workplace and waits until its executor answers. The instance's record is there before, and the handle is
 * stored before it is used, so that `takeDown` finds whatever came of it. Throws `RunEnded`.
 */
export const openSandbox = async (
  deps: RunDeps,
  options: { run: Run; instanceId: InstanceId; place: Workplace; image: string; mirrorPath: string | null; signal: AbortSignal },
): Promise<OpenedSandbox> => {
  const { instanceId, signal } = options;
  const { driver, store } = deps;
  let handle: SandboxHandle;
  try {
    handle = await driver.create(sandboxSpec({ ...options, now: deps.now() }), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw await sandboxNotMade(deps, error);
  }
  await store.instances.saveHandle(instanceId, handle);
  const opened = { handle, driver, executor: connectExecutor(handle.endpoint) };
  await untilHealthy(opened, signal);
  await store.instances.setStatus(instanceId, "idle");
  return opened;
};

const untilHealthy = async ({ driver, handle, executor }: OpenedSandbox, signal: AbortSignal): Promise<void> => {
  const giveUpAt = performance.now() + HEALTHY_WITHIN_MS;
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      await executor.health(AbortSignal.any([signal, AbortSignal.timeout(ONE_LOOK_MS)]));
      return;
    } catch (error) {
      signal.throwIfAborted();
      const isLate = performance.now() > giveUpAt;
      // The first looks come quickly, since the executor is up within some hundred milliseconds; the state is asked for now and then.
      if (isLate || tries % 20 === 0) {
        const state = await driver.inspect(handle);
        if (isLate || state.status !== "running") {
          const printed = await driver.logs(handle, AbortSignal.timeout(ONE_LOOK_MS)).catch(() => "");
          const said = printed.trim().split("\n").slice(-5).join("\n");
          throw new RunEnded("sandbox_failed", said === "" ? "Its executor did not answer." : `Its executor said: ${said}`, {
            cause: error,
          });
        }
      }
      await wait(Math.min(10 + tries * 2, 250), signal);
    }
  }
};

/**
 * Destroys an instance's sandbox, whatever became of it, removes its folders, and only then says that it is stopped. Idempotent.
 * Throws when the sandbox cannot be destroyed now: then nothing else is touched, and the reaper tries again.
 */
export const takeDown = async (deps: RunDeps, instance: { id: InstanceId; driver: string }): Promise<void> => {
  const driver = deps.drivers.find(({ name }) => name === instance.driver);
  if (driver === undefined) throw new Error(`there is no driver '${instance.driver}' that could destroy ${instance.id}`);
  const handle =
    (await deps.store.instances.findHandle(instance.id)) ??
    (await driver.list()).find(({ instanceId }) => instanceId === instance.id);
  if (handle !== undefined) await driver.destroy(handle);
  await removeWorkplace(workplaceOf(deps.folders, instance.id));
  await deps.store.instances.setStatus(instance.id, "stopped");
};
