import { isFinal, OVERVIEW_RUNS, outcomeOf, type Task, type TaskOverview } from "@ccr/protocol";
import type { LastRun } from "../store/types.ts";

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
};

/** What could not be pushed at first, and was later, has passed. */
const outcomeNameOf = ({ status, reason, isDelivered }: LastRun) =>
  outcomeOf({
    status,
    reason: reason === "push_failed" && isDelivered ? "passed" : reason,
    sentence: null,
    delivered: null,
    additionalRepositories: [],
  })?.name ?? null;

/** A task as the list tells of it; its last runs come the newest first. Pure. */
export const toOverview = (task: Task, lastRuns: readonly LastRun[]): TaskOverview => {
  // What was canceled before it began, and what ended before its agent did, says nothing.
  const costs = lastRuns.filter(({ status, costUsd }) => isFinal(status) && costUsd > 0).map(({ costUsd }) => costUsd);
  const [last] = costs;
  return {
    id: task.id,
    name: task.name,
    version: task.version,
    steps: task.steps.length,
    stepsWithChecks: task.steps.filter(({ checks }) => checks.trim() !== "").length,
    parameters: task.parameters.length,
    allowNoChanges: task.allowNoChanges,
    repository: task.defaults.repository,
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
    lastRuns: lastRuns.slice(0, OVERVIEW_RUNS).map((run) => ({
      id: run.id,
      status: run.status,
      outcome: outcomeNameOf(run),
      costUsd: run.costUsd,
      createdAt: run.createdAt,
    })),
    costUsd: last === undefined ? null : { last, median: median(costs) },
  };
};
