import type { TaskId } from "@ccr/protocol";
import type { Claimer, QueuedRun } from "./types.ts";

/** What a run belongs to, for the limits on how many go on at once. */
export type Belongs = { repository: string; task_id: TaskId };

export type Full = { repositories: string[]; tasks: TaskId[] };

const reached = <Key>(keys: readonly Key[], limit: number | null): Key[] => {
  if (limit === null) return [];
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].flatMap(([key, count]) => (count >= limit ? [key] : []));
};

/** The repositories and tasks of which no further run may start while these go on. Limits of less than one are taken as one. */
export const fullOnes = (going: readonly Belongs[], { perRepository, perTask }: Omit<Claimer, "owner">): Full => ({
  repositories: reached(
    going.map((run) => run.repository),
    perRepository,
  ),
  tasks: reached(
    going.map((run) => run.task_id),
    perTask,
  ),
});

/** Which limit keeps a queued run from starting. */
export const heldBy = (run: Belongs, full: Full): QueuedRun["heldBy"] => {
  if (full.repositories.includes(run.repository)) return "repository";
  return full.tasks.includes(run.task_id) ? "task" : null;
};
