import { type ListRunsInput, RUN_STATUSES, type RunStatus, TaskId } from "@ccr/protocol";

/** Statuses that people look for together. */
export const STATUS_GROUPS = {
  active: ["queued", "starting", "running", "waiting", "canceling"],
  succeeded: ["succeeded"],
  failed: ["failed"],
  errored: ["errored"],
  canceled: ["canceled"],
} as const satisfies Record<string, readonly RunStatus[]>;
export type StatusGroup = keyof typeof STATUS_GROUPS;

export const STATUS_GROUP_NAMES: readonly StatusGroup[] = ["active", "succeeded", "failed", "errored", "canceled"];

/** What the groups are called where one of them is chosen. */
export const STATUS_GROUP_LABELS: Record<StatusGroup, string> = {
  active: "Active",
  succeeded: "Passed",
  failed: "Failed",
  errored: "Errored",
  canceled: "Canceled",
};

export type RunsSearch = { status?: StatusGroup; task?: string };

/** Reads the query of the list of runs; what is not understood is left out. */
export const parseRunsSearch = (search: Record<string, unknown>): RunsSearch => {
  const status = STATUS_GROUP_NAMES.find((group) => group === search.status);
  const task = TaskId.safeParse(search.task);
  return { ...(status === undefined ? {} : { status }), ...(task.success ? { task: task.data } : {}) };
};

/** What to ask the server for. */
export const toListInput = ({ status, task }: RunsSearch): Pick<ListRunsInput, "status" | "taskId"> => {
  const taskId = TaskId.safeParse(task);
  const statuses = RUN_STATUSES.filter((one) => status !== undefined && STATUS_GROUPS[status].some((wanted) => wanted === one));
  return { ...(statuses.length === 0 ? {} : { status: statuses }), ...(taskId.success ? { taskId: taskId.data } : {}) };
};
