import { CcrError, type CreateRunInput, isFinal, parseRepository, type Run, type RunId, RunLimits } from "@ccr/protocol";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { RunEnded } from "./ending.ts";
import { connectExecutor } from "./executor-client.ts";
import { takeDown } from "./sandboxes.ts";
import { transition } from "./transition.ts";
import type { Instances, Runs } from "./types.ts";

const LIVE_DIFF_WITHIN_MS = 30_000;

const get = async (deps: RunDeps, id: RunId): Promise<Run> => {
  const run = await deps.store.runs.find(id);
  if (run === null) throw new CcrError("not_found", `There is no run ${id}; runs.list shows those there are.`);
  return run;
};

export const createRuns = (deps: RunDeps, dispatcher: Dispatcher): Runs => ({
  async create(input: CreateRunInput) {
    const task = await deps.store.tasks.find(input.taskId);
    if (task === null) throw new CcrError("not_found", `There is no task ${input.taskId}; tasks.list shows those there are.`);
    const repository = parseRepository(input.repository);
    if (!repository.ok) throw new CcrError("bad_request", `repository: ${repository.message}.`);
    const { run } = await deps.store.runs.create({
      task,
      repository: repository.address.display,
      ref: input.ref ?? null,
      model: input.model ?? null,
      limits: RunLimits.parse(input.limits ?? {}),
      idempotencyKey: input.idempotencyKey ?? null,
    });
    dispatcher.wake();
    return run;
  },

  get: (id) => get(deps, id),
  list: (input) => deps.store.runs.list(input),

  async cancel(id) {
    for (;;) {
      const run = await get(deps, id);
      const next = transition(run.status, { type: "cancel_requested" });
      if (!next.legal) return run;
      const ended =
        next.reason === null ? {} : { reason: next.reason, sentence: next.sentence, endedAt: deps.now().toISOString() };
      const moved = await deps.store.runs.advance(id, { from: [run.status], to: next.status, patch: ended });
      // Somebody else moved it in between: look again.
      if (moved === null) continue;
      if (next.effects.includes("stop_work")) dispatcher.stop(id, new RunEnded("canceled"));
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
    const saved = await deps.store.runs.findDiff(id);
    if (saved !== null) return saved;
    const handle = run.instanceId === null || isFinal(run.status) ? null : await deps.store.instances.findHandle(run.instanceId);
    if (handle === null) {
      const why = isFinal(run.status)
        ? "it ended before there was anything to compare"
        : `it is ${run.status}; ask again when it is running`;
      throw new CcrError("not_found", `Run ${id} has no diff: ${why}.`);
    }
    try {
      return await connectExecutor(handle.endpoint).diff(AbortSignal.timeout(LIVE_DIFF_WITHIN_MS));
    } catch (error) {
      const later = await deps.store.runs.findDiff(id);
      if (later !== null) return later;
      throw new CcrError("unavailable", `The sandbox of run ${id} cannot tell its changes now; ask again in a moment.`, {
        cause: error,
      });
    }
  },

  async requests(id, range) {
    await get(deps, id);
    return deps.store.audit.read(id, range);
  },
});

export const createInstances = (deps: RunDeps, dispatcher: Dispatcher, runs: Pick<Runs, "cancel">): Instances => {
  const find: Instances["get"] = async (id) => {
    const instance = await deps.store.instances.find(id);
    if (instance === null) throw new CcrError("not_found", `There is no instance ${id}; instances.list shows those there are.`);
    return instance;
  };
  return {
    get: find,
    list: () => deps.store.instances.list(),
    async remove(id) {
      const instance = await find(id);
      if (instance.status !== "stopped") {
        await runs.cancel(instance.runId);
        await dispatcher.settled(instance.runId);
        await takeDown(deps, instance);
      }
      return find(id);
    },
  };
};
