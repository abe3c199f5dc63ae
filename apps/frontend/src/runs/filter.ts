import {
  EnvironmentId,
  RUN_SORTS,
  RUN_STATUSES,
  RUN_TEXT_MAX,
  type RunFilter,
  type RunSort,
  type RunStatus,
  TaskId,
} from "@ccr/protocol";

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

/** A group, or one status of those that are active. */
export type StatusChoice = StatusGroup | RunStatus;

const HOUR_MS = 3600 * 1000;

/** How far back one looks, in hours. */
export const PERIODS = { day: 24, week: 7 * 24, month: 30 * 24 } as const;
export type Period = keyof typeof PERIODS;
export const PERIOD_NAMES: readonly Period[] = ["day", "week", "month"];

export type RunsSearch = {
  status?: StatusChoice;
  task?: string;
  repo?: string;
  /** The environment that runs were launched with. */
  env?: string;
  q?: string;
  period?: Period;
  /** The newest first, when left out. */
  sort?: RunSort;
};

const CHOICES: readonly StatusChoice[] = [...STATUS_GROUP_NAMES, ...RUN_STATUSES];

/** A text of the address; one that looks like a number is read as one. */
const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value).trim() : "";

/** Reads the query of the list of runs; what is not understood is left out. */
export const parseRunsSearch = (search: Record<string, unknown>): RunsSearch => {
  const status = CHOICES.find((choice) => choice === search.status);
  const task = TaskId.safeParse(search.task);
  const env = EnvironmentId.safeParse(search.env);
  const q = textOf(search.q).slice(0, RUN_TEXT_MAX);
  const repo = textOf(search.repo).slice(0, 2048);
  const period = PERIOD_NAMES.find((name) => name === search.period);
  const sort = RUN_SORTS.find((name) => name === search.sort && name !== "newest");
  return {
    ...(status === undefined ? {} : { status }),
    ...(task.success ? { task: task.data } : {}),
    ...(repo === "" ? {} : { repo }),
    ...(env.success ? { env: env.data } : {}),
    ...(q === "" ? {} : { q }),
    ...(period === undefined ? {} : { period }),
    ...(sort === undefined ? {} : { sort }),
  };
};

const statusesOf = (choice: StatusChoice | undefined): RunStatus[] =>
  RUN_STATUSES.filter(
    (status) =>
      status === choice ||
      STATUS_GROUP_NAMES.some((group) => group === choice && STATUS_GROUPS[group].some((wanted) => wanted === status)),
  );

/** What to ask the server for. The beginning of a period is a full hour, so that it is asked for by the same words for a while. */
export const toFilter = ({ status, task, repo, env, q, period }: RunsSearch, now: number): RunFilter => {
  const taskId = TaskId.safeParse(task);
  const environmentId = EnvironmentId.safeParse(env);
  const statuses = statusesOf(status);
  const hour = Math.floor(now / HOUR_MS) * HOUR_MS;
  return {
    ...(statuses.length === 0 ? {} : { status: statuses }),
    ...(taskId.success ? { taskId: taskId.data } : {}),
    ...(repo === undefined ? {} : { repository: repo }),
    ...(environmentId.success ? { environmentId: environmentId.data } : {}),
    ...(q === undefined ? {} : { text: q }),
    ...(period === undefined ? {} : { since: new Date(hour - PERIODS[period] * HOUR_MS).toISOString() }),
  };
};

/** Whether any but the statuses and the order is asked for. */
export const isNarrowed = ({ task, repo, env, q, period }: RunsSearch): boolean =>
  [task, repo, env, q, period].some((part) => part !== undefined);

/** With another part; `undefined` takes it out. */
export const withPart = (search: RunsSearch, part: { [Name in keyof RunsSearch]: RunsSearch[Name] | undefined }): RunsSearch =>
  parseRunsSearch({ ...search, ...part });
