import type { AppRouter } from "@ccr/backend/router";
import { CcrError, type Instance, type Run } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Instances = inferRouterContext<AppRouter>["instances"];

/** Instances in memory: what is removed is stopped. */
export const memoryInstances = (parts: { instances: Instance[]; runs: readonly Run[]; at: () => string }): Instances => {
  const { instances, runs, at } = parts;
  return {
    async get(id) {
      const instance = instances.find((known) => known.id === id);
      if (instance === undefined) throw new CcrError("not_found", `There is no instance ${id}.`);
      return instance;
    },
    list: async ({ state }) =>
      instances
        .filter(({ status }) => (status === "stopped") === (state === "stopped"))
        .map((instance) => {
          const run = runs.find(({ id }) => id === instance.runId);
          if (run === undefined) return { ...instance, run: null };
          const { taskName, status, stepIndex, steps, limits } = run;
          return { ...instance, run: { taskName, status, stepIndex, steps: steps.length, limits, isAgents: true } };
        }),
    usage: async () => instances.map(({ id }) => ({ id, usage: null })),
    async remove(id) {
      const index = instances.findIndex((known) => known.id === id);
      const old = instances[index];
      if (old === undefined) throw new CcrError("not_found", `There is no instance ${id}.`);
      const stopped: Instance = { ...old, status: "stopped", stoppedAt: at() };
      instances.splice(index, 1, stopped);
      return stopped;
    },
  };
};
