import type { AppRouter } from "@ccr/backend/router";
import { type Run, type RunId, type RunView, withHost } from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

/** What runs are allowed to reach, in memory: nothing of theirs asks for it. */
export interface MemoryNetwork {
  readonly context: inferRouterContext<AppRouter>["network"];
  /** Waits, or throws, before a host is allowed. */
  before: () => Promise<void>;
}

export const memoryNetwork = (runs: {
  get: (id: RunId) => Run;
  patch: (id: RunId, patch: Partial<Run>) => void;
  viewOf: (run: Run) => RunView;
}): MemoryNetwork => {
  const network: MemoryNetwork = {
    before: async () => {},
    context: {
      async allowHost({ id, ...host }) {
        await network.before();
        runs.patch(id, { allowedHosts: withHost(runs.get(id).allowedHosts, host) });
        return runs.viewOf(runs.get(id));
      },
    },
  };
  return network;
};
