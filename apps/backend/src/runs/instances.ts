import { CcrError, type Instance, type InstanceId, type InstanceView, isFinal, type SandboxUsage } from "@ccr/protocol";
import type { UsageMeter } from "../drivers/types.ts";
import { within } from "./clock.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { clear, isHere } from "./sandboxes.ts";
import type { Instances, Runs } from "./types.ts";

// Whoever drives the run hears of a person's wish within a lease's renewal; saving the work takes seconds.
const REMOVED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 200;

const viewOf = async ({ store }: RunDeps, instance: Instance): Promise<InstanceView> => {
  const run = await store.runs.find(instance.runId);
  if (run === null) return { ...instance, run: null };
  const { taskName, status, stepIndex, steps, limits } = run;
  return {
    ...instance,
    run: { taskName, status, stepIndex, steps: steps.length, limits, isAgents: run.instanceId === instance.id },
  };
};

/** `meters`: the drivers that can tell what their sandboxes use, by their names. */
export const createInstances = (
  deps: RunDeps,
  dispatcher: Dispatcher,
  { runs, meters }: { runs: Pick<Runs, "cancel">; meters: ReadonlyMap<string, UsageMeter> },
): Instances => {
  const find: Instances["get"] = async (id) => {
    const instance = await deps.store.instances.find(id);
    if (instance === null) throw new CcrError("not_found", `There is no instance ${id}; instances.list shows those there are.`);
    return instance;
  };
  /** Another server may drive the run, or nobody at this moment. */
  const untilStopped = (id: InstanceId): Promise<void> =>
    within(deps.clock, { ms: REMOVED_WITHIN_MS }, async (signal) => {
      for (;;) {
        const record = await deps.store.instances.findRecord(id);
        if (record === null || record.status === "stopped") return;
        const run = await deps.store.runs.find(record.runId);
        if (isHere(deps, record) && (run === null || isFinal(run.status))) {
          await clear(deps, record, null);
          return;
        }
        if (signal.aborted) {
          throw new CcrError(
            "unavailable",
            `The run of ${id} is canceled, but whoever drives it has not taken the sandbox down yet; ask again in a moment.`,
          );
        }
        await deps.clock.wait(LOOK_EVERY_MS, signal);
      }
    });
  const usageOf = async (id: InstanceId): Promise<SandboxUsage | null> => {
    const record = await deps.store.instances.findRecord(id);
    if (record === null || record.handle === null || !isHere(deps, record)) return null;
    // An engine that does not answer now, or a sandbox that is just going, has no figures; the page asks again.
    return (
      (await meters
        .get(record.driver)
        ?.usage(record.handle)
        .catch(() => null)) ?? null
    );
  };
  return {
    get: find,
    list: async ({ state, before, limit }) => {
      const { instances } = deps.store;
      const found = state === "living" ? await instances.list() : await instances.listStopped({ before, limit });
      return Promise.all(found.map((instance) => viewOf(deps, instance)));
    },
    usage: async () => {
      const living = await deps.store.instances.list();
      return Promise.all(living.map(async ({ id }) => ({ id, usage: await usageOf(id) })));
    },
    async remove(id) {
      const instance = await find(id);
      if (instance.status === "stopped") return instance;
      await runs.cancel(instance.runId);
      await dispatcher.settled(instance.runId);
      await untilStopped(id);
      return find(id);
    },
  };
};
