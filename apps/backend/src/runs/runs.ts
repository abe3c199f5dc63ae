import { CcrError, type CreateRunInput, isFinal, outcomeOf, type Run, type RunId, type RunView } from "@ccr/protocol";
import { cancelMove, tellCanceled } from "./canceling.ts";
import { within } from "./clock.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { environmentOf } from "./environment.ts";
import { stepsOfRun, withDefaults } from "./from-task.ts";
import { networkOf } from "./network.ts";
import { repositoriesOf } from "./repositories.ts";
import { attachSandbox } from "./sandboxes.ts";
import type { Runs } from "./types.ts";

const LIVE_DIFF_WITHIN_MS = 30_000;

const get = async (deps: RunDeps, id: RunId): Promise<Run> => {
  const run = await deps.store.runs.find(id);
  if (run === null) throw new CcrError("not_found", `There is no run ${id}; runs.list shows those there are.`);
  return run;
};

const view = async (dispatcher: Dispatcher, runs: readonly Run[]): Promise<RunView[]> => {
  const places = runs.some(({ status }) => status === "queued") ? await dispatcher.places() : null;
  return runs.map((run) => ({
    ...run,
    queue: (run.status === "queued" ? places?.get(run.id) : null) ?? null,
    outcome: outcomeOf(run),
  }));
};

const viewOne = async (dispatcher: Dispatcher, run: Run): Promise<RunView> => {
  const [seen] = await view(dispatcher, [run]);
  return seen ?? { ...run, queue: null, outcome: outcomeOf(run) };
};

export const createRuns = (deps: RunDeps, dispatcher: Dispatcher): Runs => ({
  async create(input: CreateRunInput) {
    const task = await deps.store.tasks.find(input.taskId);
    if (task === null) throw new CcrError("not_found", `There is no task ${input.taskId}; tasks.list shows those there are.`);
    const { model, limits, ...launch } = withDefaults(task, input);
    const { address, named } = repositoriesOf(launch);
    const filled = stepsOfRun(task, input.parameters);
    const environment = await environmentOf(deps, { input, task, address });
    const { run } = await deps.store.runs.create({
      environment,
      ...networkOf(input.network, task.defaults.network, environment),
      ...(input.allowedHosts === undefined ? {} : { allowedHosts: input.allowedHosts }),
      ...filled,
      ...named,
      model,
      limits,
      priority: input.priority ?? 0,
      delivery: input.delivery === undefined ? task.delivery : input.delivery,
      continues: null,
      permissionMode: input.permissionMode,
      asks: input.asks,
      idempotencyKey: input.idempotencyKey ?? null,
    });
    dispatcher.wake();
    return run;
  },

  get: async (id) => viewOne(dispatcher, await get(deps, id)),
  list: async (input) => view(dispatcher, await deps.store.runs.list(input)),

  async setPriority(id, priority) {
    const moved = await deps.store.runs.setPriority(id, priority);
    if (moved !== null) return viewOne(dispatcher, moved);
    const { status } = await get(deps, id);
    throw new CcrError("conflict", `Run ${id} is ${status}: only a queued run has a place in the queue.`);
  },

  async cancel(id) {
    for (;;) {
      const run = await get(deps, id);
      const move = cancelMove(run.status, deps.clock.now());
      if (move === null) return run;
      const moved = await deps.store.runs.advance(id, move);
      // Somebody else moved it in between: look again.
      if (moved === null) continue;
      tellCanceled(moved, { metrics: deps.metrics, dispatcher });
      return moved;
    }
  },

  async messages(id, range) {
    await get(deps, id);
    return deps.store.transcript.read(id, range);
  },

  async *follow(id, range, signal) {
    await get(deps, id);
    yield* deps.store.transcript.follow(id, range, signal);
  },

  async diff(id) {
    const run = await get(deps, id);
    const saved = () => deps.store.runs.findDiff(id);
    const record = run.instanceId === null || isFinal(run.status) ? null : await deps.store.instances.findRecord(run.instanceId);
    // Only looked at: whoever drives the run has the greater fencing number, and is not hindered.
    const opened = record === null || record.status === "stopped" ? null : attachSandbox(deps, record, null);
    if (opened !== null) {
      try {
        return await within(deps.clock, { ms: LIVE_DIFF_WITHIN_MS }, (signal) => opened.executor.diff(signal));
      } catch (error) {
        const copied = await saved();
        if (copied !== null) return copied;
        throw new CcrError("unavailable", `The sandbox of run ${id} cannot tell its changes now; ask again in a moment.`, {
          cause: error,
        });
      }
    }
    const kept = await saved();
    if (kept !== null) return kept;
    const why = isFinal(run.status)
      ? "it ended before there was anything to compare"
      : `it is ${run.status}; ask again when it is running`;
    throw new CcrError("not_found", `Run ${id} has no diff: ${why}.`);
  },

  async requests(id, range) {
    await get(deps, id);
    return deps.store.audit.read(id, range);
  },
});
