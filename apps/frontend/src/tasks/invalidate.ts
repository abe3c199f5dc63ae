import type { useApi } from "../api/client.ts";

/** Everything that lists tasks is asked for again. */
export const invalidateTasks = async ({ trpc, queries }: Pick<ReturnType<typeof useApi>, "trpc" | "queries">): Promise<void> => {
  await Promise.all([
    queries.invalidateQueries({ queryKey: trpc.tasks.list.queryKey() }),
    queries.invalidateQueries({ queryKey: trpc.tasks.overview.queryKey() }),
  ]);
};
