import type { TaskOverview } from "@ccr/protocol";

export const TASK_ORDERS = ["recent", "run", "name", "cost"] as const;
export type TaskOrder = (typeof TASK_ORDERS)[number];

export const ORDER_LABELS: Record<TaskOrder, string> = {
  recent: "Edited last",
  run: "Run last",
  name: "Name",
  cost: "Cost",
};

export type TasksSearch = { q?: string; sort?: TaskOrder };

/** Reads the query of the list of tasks; what is not understood is left out. Pure. */
export const parseTasksSearch = (search: Record<string, unknown>): TasksSearch => {
  const sort = TASK_ORDERS.find((order) => order === search.sort);
  return {
    ...(typeof search.q === "string" && search.q !== "" ? { q: search.q } : {}),
    ...(sort === undefined || sort === "recent" ? {} : { sort }),
  };
};

const lastRunAt = ({ lastRuns }: TaskOverview): string => lastRuns[0]?.createdAt ?? "";

const COMPARE: Record<TaskOrder, (one: TaskOverview, other: TaskOverview) => number> = {
  recent: (one, other) => other.updatedAt.localeCompare(one.updatedAt),
  run: (one, other) => lastRunAt(other).localeCompare(lastRunAt(one)),
  name: (one, other) => one.name.localeCompare(other.name, undefined, { sensitivity: "base", numeric: true }),
  cost: (one, other) => (other.costUsd?.median ?? -1) - (one.costUsd?.median ?? -1),
};

/** The tasks whose names, or usual repositories, have all these words, in order. Pure. */
export const findTasks = (tasks: readonly TaskOverview[], { q = "", sort = "recent" }: TasksSearch): TaskOverview[] => {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return tasks
    .filter(({ name, repository }) => words.every((word) => `${name}\n${repository ?? ""}`.toLowerCase().includes(word)))
    .toSorted(COMPARE[sort]);
};
