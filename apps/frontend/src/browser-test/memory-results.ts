import type { AppRouter } from "@ccr/backend/router";
import { branchFor, type Delivered, DeliverySettings, type Run, type RunId, type RunView } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Results = inferRouterContext<AppRouter>["results"];

/** What is done with results, in memory: a push always arrives, and is noted in `pushed`. */
export const memoryResults = (parts: {
  getRun: (id: RunId) => Run;
  viewOf: (run: Run) => RunView;
  patchRun: (id: RunId, patch: Partial<Run>) => void;
  pushed: DeliverySettings[];
}): Results => {
  const { getRun, viewOf, patchRun, pushed } = parts;
  return {
    async push({ id, delivery }) {
      const run = getRun(id);
      const settings = delivery ?? run.delivery ?? DeliverySettings.parse({ to: "branch" });
      pushed.push(settings);
      const delivered = (number: number): Delivered => ({
        state: "delivered",
        branch: branchFor(settings.branch, run),
        commit: "5d41402abc4b2a76b9719d911017c592a1b2c3d4",
        isPushed: true,
        base: "main",
        isFollowed: false,
        pullRequest: settings.to === "branch" ? null : { number, url: `https://host.test/acme/slugs/pull/${number}` },
        notes: [],
        problem: null,
        tries: 1,
        at: new Date().toISOString(),
      });
      patchRun(id, {
        delivered: delivered(7),
        additionalRepositories: run.additionalRepositories.map((each, index) => ({
          ...each,
          delivered: each.headCommit === each.baseCommit ? null : delivered(8 + index),
        })),
      });
      return viewOf(getRun(id));
    },
    followUp: async ({ id }) => getRun(id),
  };
};
