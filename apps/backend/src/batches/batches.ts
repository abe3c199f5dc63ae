import {
  type BatchId,
  CcrError,
  type CreateBatchInput,
  deliveriesOf,
  outcomeOf,
  parseRepository,
  type RunEnvironment,
  type Task,
  type TaskId,
} from "@ccr/protocol";
import { cancelMoves, tellCanceled } from "../runs/canceling.ts";
import type { RunDeps } from "../runs/deps.ts";
import type { Dispatcher } from "../runs/dispatcher.ts";
import { environmentOf } from "../runs/environment.ts";
import { networkOf } from "../runs/network.ts";
import type { Results } from "../runs/types.ts";
import type { NewBatch, NewMember } from "../store/batch-types.ts";
import { closeOthers } from "./closing.ts";
import { planBatch, tasksOf } from "./plan.ts";
import type { Batches } from "./types.ts";
import { toView } from "./view.ts";

export type BatchesDeps = Pick<RunDeps, "store" | "clock" | "metrics" | "outlet" | "log"> & {
  results: Pick<Results, "push">;
  driver: Pick<RunDeps["driver"], "name">;
  images: object | null;
};

const noSuchBatch = (id: BatchId): CcrError =>
  new CcrError("not_found", `There is no batch ${id}; batches.list shows those there are.`);

/** The same batch, each run with its environment as it is now, and with what it may reach. Throws `CcrError` for one that is not to be had. */
const withEnvironments = async (
  deps: BatchesDeps,
  batch: NewBatch,
  { input, tasks }: { input: CreateBatchInput; tasks: ReadonlyMap<TaskId, Task> },
): Promise<NewBatch> => {
  const known = new Map<string, RunEnvironment | null>();
  const members: NewMember[] = [];
  for (const member of batch.members) {
    const { task, repository } = member.run;
    const key = `${task.id} ${repository}`;
    let environment = known.get(key);
    if (environment === undefined) {
      const parsed = parseRepository(repository);
      const environmentId = tasks.get(task.id)?.environmentId ?? null;
      environment = parsed.ok ? await environmentOf(deps, { input, task: { environmentId }, address: parsed.address }) : null;
      known.set(key, environment);
    }
    const usual = tasks.get(task.id)?.defaults.network ?? null;
    members.push({ ...member, run: { ...member.run, environment, ...networkOf(input.network, usual, environment) } });
  }
  return { ...batch, members };
};

/** Runs that are launched together, on the engine that drives runs: it knows nothing of them. */
export const createBatches = (deps: BatchesDeps, dispatcher: Pick<Dispatcher, "wake" | "stop">): Batches => {
  const { store, clock, metrics } = deps;
  const get: Batches["get"] = async (id) => {
    const found = await store.batches.find(id);
    if (found === null) throw noSuchBatch(id);
    return toView(found);
  };

  return {
    get,

    async create(input) {
      const tasks = new Map<TaskId, Task>();
      for (const id of tasksOf(input)) {
        const task = await store.tasks.find(id);
        if (task !== null) tasks.set(id, task);
      }
      const { batch } = await store.batches.create(await withEnvironments(deps, planBatch(input, tasks), { input, tasks }));
      dispatcher.wake();
      return batch;
    },

    list: async (input) => (await store.batches.list(input)).map(toView),

    async rows(input) {
      const rows = await store.batches.rows(input);
      // Nothing may come after the last row; a batch that is not there has none either.
      if (rows.length === 0) await get(input.id);
      return rows.map(({ reason, sentence, delivered, additionalRepositories, ...row }) => ({
        ...row,
        outcome: outcomeOf({ status: row.status, reason, sentence, delivered, additionalRepositories }),
        pullRequest:
          deliveriesOf({ delivered, additionalRepositories }).find((each) => each.pullRequest !== null)?.pullRequest ?? null,
      }));
    },

    async setPaused(id, paused) {
      const [from, to] = paused ? (["running", "paused"] as const) : (["paused", "running"] as const);
      const set = await store.batches.setState(id, { from: [from], to });
      const view = await get(id);
      if (set === null && view.state === "canceled")
        throw new CcrError(
          "conflict",
          `Batch ${id} was canceled: there is nothing to ${paused ? "pause" : "resume"}. batches.retry launches again what did not pass.`,
        );
      if (!paused) dispatcher.wake();
      return view;
    },

    async cancel(id) {
      const moved = await store.batches.cancel(id, cancelMoves(clock.now()));
      if (moved === null) throw noSuchBatch(id);
      for (const run of moved) tellCanceled(run, { metrics, dispatcher });
      return get(id);
    },

    async retry(id) {
      const launched = await store.batches.retry(id);
      if (launched === null) throw noSuchBatch(id);
      dispatcher.wake();
      return { launched: launched.length };
    },

    async choose(runId) {
      const choice = await store.batches.choose(runId, cancelMoves(clock.now()));
      await closeOthers(choice, { ...deps, dispatcher });
      return { chosen: runId, closed: choice.closed };
    },
  };
};
