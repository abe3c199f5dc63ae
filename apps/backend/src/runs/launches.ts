import {
  CcrError,
  type EnvironmentId,
  isFinal,
  quickTaskName,
  type Run,
  type RunEnvironment,
  type RunId,
  RunLimits,
  type StartRunInput,
} from "@ccr/protocol";
import type { NewRun } from "../store/types.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { copyOf, environmentOf, imageProblem } from "./environment.ts";
import { homeOf } from "./follow-up.ts";
import { networkAgain, networkOf } from "./network.ts";
import { repositoriesOf } from "./repositories.ts";
import type { Launches, Runs } from "./types.ts";

type LaunchDeps = Pick<RunDeps, "store" | "server"> & {
  work: Pick<RunDeps["work"], "find">;
  driver: Pick<RunDeps["driver"], "name">;
  images: object | null;
};

// As many runs are moved at once; the store commits them together.
const AT_ONCE = 50;

/** Does something with each, some at a time, and gives what came of each, in their order. */
const each = async <Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<Result[]> => {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE)
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(act))));
  return results;
};

/** An environment as it is today: what a set-up failed at may be mended since. One that was deleted is as it was. */
const environmentToday = async (deps: LaunchDeps, before: RunEnvironment | null): Promise<RunEnvironment | null> => {
  if (before === null) return null;
  const { environments } = deps.store;
  const today = async (id: EnvironmentId): Promise<RunEnvironment> => {
    const found = await environments.find(id);
    return found === null ? before : copyOf(found);
  };
  const environment = await today(before.id);
  const problem = imageProblem(deps, environment);
  if (problem !== null) throw new CcrError("unprocessable", problem);
  return environment;
};

/** The launch that does once more what a run did. */
const again = (run: Run, environment: RunEnvironment | null): Omit<NewRun, "idempotencyKey"> => {
  const task = { id: run.taskId, name: run.taskName, steps: run.steps, allowNoChanges: run.allowNoChanges };
  const { taskVersion, parameters } = run;
  const { repository, ref, directory, additionalRepositories, model, limits, priority, delivery } = run;
  // Whoever asks for it is a person, whoever asked for the one before.
  const continues = run.continues === null ? null : { ...run.continues, because: "person" as const };
  const { permissionMode, asks, allowedHosts } = run;
  const how = { model, permissionMode, asks, limits, priority };
  return {
    task,
    taskVersion,
    parameters,
    environment,
    ...networkAgain(run, environment),
    // Without them it would be refused the same once more.
    allowedHosts,
    repository,
    ref,
    directory,
    additionalRepositories,
    ...how,
    delivery,
    continues,
  };
};

/** The task of a run from a few words. */
const quickTask = ({ prompt, checks, allowNoChanges, delivery, environmentId }: StartRunInput) => ({
  name: quickTaskName(prompt),
  steps: [{ instructions: prompt, checks }],
  allowNoChanges,
  delivery: delivery ?? null,
  environmentId: environmentId ?? null,
});

/** The task of a run that only sets an environment up: nobody launches it again but for that. */
const setUpTask = ({ name }: RunEnvironment) => ({
  name: `Set up ${name}`,
  steps: [],
  allowNoChanges: true,
  delivery: null,
  // Its run has a copy; nothing else is launched from it.
  environmentId: null,
});

/** Launches beside those of a task, and what is done with many runs at once. */
export const createLaunches = (
  deps: LaunchDeps,
  { runs, dispatcher }: { runs: Pick<Runs, "get" | "cancel">; dispatcher: Pick<Dispatcher, "wake"> },
): Launches => {
  const { store } = deps;

  const retry = async (id: RunId, idempotencyKey: string | undefined): Promise<Run> => {
    const run = await runs.get(id);
    if (!isFinal(run.status))
      throw new CcrError("conflict", `Run ${id} is ${run.status}: it can be launched again when it has ended, or is canceled.`);
    const environment = await environmentToday(deps, run.environment);
    const key = idempotencyKey === undefined ? null : `again ${id} ${idempotencyKey}`;
    const home = run.continues === null ? null : await homeOf(deps, run.continues);
    const launched = await store.runs.create({ ...again(run, environment), home, idempotencyKey: key });
    await store.attention.dismiss([id], true);
    return launched.run;
  };

  return {
    async start(input) {
      const { address, named } = repositoriesOf(input);
      const task = quickTask(input);
      const none = { environmentId: null };
      const environment = await environmentOf(deps, { input, task: none, address });
      const { run } = await store.quick.start(task, {
        environment,
        ...networkOf(input.network, null, environment),
        ...(input.allowedHosts === undefined ? {} : { allowedHosts: input.allowedHosts }),
        ...named,
        model: input.model ?? null,
        permissionMode: input.permissionMode,
        asks: input.asks,
        limits: RunLimits.parse(input.limits ?? {}),
        priority: input.priority ?? 0,
        delivery: task.delivery,
        continues: null,
        idempotencyKey: input.idempotencyKey ?? null,
      });
      dispatcher.wake();
      return run;
    },

    async setUp(input) {
      const { address, named } = repositoriesOf(input);
      const environment = await environmentOf(deps, {
        input: { environmentId: input.id },
        task: { environmentId: null },
        address,
      });
      if (environment === null || (environment.setup === null && environment.image.kind !== "devcontainer"))
        throw new CcrError(
          "unprocessable",
          "The environment has no set-up: give it a script first, or the image of a devcontainer.json.",
        );
      const { run } = await store.quick.start(setUpTask(environment), {
        environment,
        ...networkOf(undefined, null, environment),
        ...named,
        model: null,
        limits: RunLimits.parse({}),
        priority: 0,
        delivery: null,
        continues: null,
        idempotencyKey: input.idempotencyKey === undefined ? null : `set up ${input.id} ${input.idempotencyKey}`,
      });
      dispatcher.wake();
      return run;
    },

    async retry({ id, idempotencyKey }) {
      const run = await retry(id, idempotencyKey);
      dispatcher.wake();
      return run;
    },

    async retryMany({ ids, idempotencyKey }) {
      const results = await each(ids, async (id) => {
        try {
          return { id, newId: (await retry(id, idempotencyKey)).id, problem: null };
        } catch (error) {
          if (error instanceof CcrError && error.code !== "internal") return { id, newId: null, problem: error.message };
          throw error;
        }
      });
      dispatcher.wake();
      return results;
    },

    cancelMany: ({ ids }) =>
      each(ids, async (id) => {
        try {
          const before = await runs.get(id);
          if (isFinal(before.status)) return { id, did: "ended" as const, status: before.status };
          const { status } = await runs.cancel(id);
          // It may have ended by itself in between.
          const ended = isFinal(status) && status !== "canceled";
          return { id, did: ended ? ("ended" as const) : ("canceled" as const), status };
        } catch (error) {
          if (error instanceof CcrError && error.code === "not_found") return { id, did: "gone" as const, status: null };
          throw error;
        }
      }),
  };
};
