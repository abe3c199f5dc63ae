import { BatchId, type ListedRun, outcomeOf, type Run, RunId, RunLimits, TaskId } from "@ccr/protocol";

/** What a run of a batch has, for tests. */
export const batchPlace: NonNullable<Run["batch"]> = {
  id: BatchId.parse("bat_0000000000"),
  group: 1,
  variant: "",
  attempt: 1,
  place: 1,
  tries: 1,
  mark: null,
};

/** A run for tests, as it is listed. */
export const listedRun = (n: number, patch: Partial<Run> = {}): ListedRun => {
  const run: Run = {
    id: RunId.parse(`run_${String(n).padStart(10, "0")}`),
    taskId: TaskId.parse("task_0000000000"),
    taskName: `Task ${n}`,
    steps: [{ instructions: "Go.", checks: "" }],
    repository: "acme/slugs",
    ref: null,
    directory: null,
    additionalRepositories: [],
    model: null,
    limits: RunLimits.parse({}),
    allowNoChanges: false,
    delivery: null,
    delivered: null,
    continues: null,
    environment: null,
    taskVersion: 1,
    parameters: {},
    permissionMode: "bypassPermissions",
    asks: true,
    allowedHosts: [],
    network: "none",
    networkBy: null,
    questions: [],
    priority: 0,
    status: "running",
    reason: null,
    sentence: null,
    stepIndex: null,
    instanceId: null,
    driver: null,
    baseCommit: null,
    headCommit: null,
    usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 },
    lastSeq: 0,
    createdAt: "2026-01-01T00:00:00.000Z",
    startedAt: null,
    endedAt: null,
    batch: null,
    ...patch,
  };
  return { ...run, queue: null, outcome: outcomeOf(run), diff: null };
};
