import type { BatchId, TaskId } from "@ccr/protocol";
import type { Claimer, QueuedRun } from "./types.ts";

/** What a run belongs to, for the limits on how many go on at once. */
export type Belongs = { repository: string; task_id: TaskId; batch_id: BatchId | null };

/** Of these no further run may start: those that are full, and paused batches. */
export type Full = { repositories: string[]; tasks: TaskId[]; batches: BatchId[]; paused: BatchId[] };

/** What batches allow: those with a limit, and those that are paused. */
export type BatchLimits = { limited: readonly { id: BatchId; max_concurrent: number | null }[]; paused: BatchId[] };

const countBy = <Key>(keys: readonly Key[]): Map<Key, number> => {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

const reached = <Key>(keys: readonly Key[], limit: number | null): Key[] =>
  limit === null ? [] : [...countBy(keys)].flatMap(([key, count]) => (count >= limit ? [key] : []));

/** The repositories, tasks and batches of which no further run may start while these go on. Limits of less than one are taken as one. */
export const fullOnes = (
  going: readonly Belongs[],
  { perRepository, perTask }: Omit<Claimer, "owner">,
  { limited, paused }: BatchLimits,
): Full => {
  const ofBatches = countBy(going.map((run) => run.batch_id));
  return {
    repositories: reached(
      going.map((run) => run.repository),
      perRepository,
    ),
    tasks: reached(
      going.map((run) => run.task_id),
      perTask,
    ),
    batches: limited.flatMap(({ id, max_concurrent }) =>
      max_concurrent !== null && (ofBatches.get(id) ?? 0) >= max_concurrent ? [id] : [],
    ),
    paused,
  };
};

/** Which limit keeps a queued run from starting. */
export const heldBy = (run: Belongs, full: Full): QueuedRun["heldBy"] => {
  if (run.batch_id !== null && full.paused.includes(run.batch_id)) return "paused";
  if (run.batch_id !== null && full.batches.includes(run.batch_id)) return "batch";
  if (full.repositories.includes(run.repository)) return "repository";
  return full.tasks.includes(run.task_id) ? "task" : null;
};
