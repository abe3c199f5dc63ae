import type { AppRouter } from "@ccr/backend/router";
import {
  type Batch,
  BatchId,
  type BatchRow,
  type BatchView,
  CcrError,
  type CreateBatchInput,
  isFinal,
  outcomeOf,
  type Run,
  RunId,
  type Task,
} from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Batches = inferRouterContext<AppRouter>["batches"];
type Figures = Pick<BatchRow, "checks" | "attemptsUsed" | "diff">;

/** Batches over runs in memory. */
export type MemoryBatches = {
  readonly context: Batches;
  /** What was launched, and what was asked of batches since, such as `pause`. */
  readonly launched: CreateBatchInput[];
  readonly asked: string[];
  setFigures(id: RunId, figures: Partial<Figures>): void;
};

const NO_FIGURES: Figures = { checks: { passed: 0, total: 2 }, attemptsUsed: 0, diff: null };

const countBy = <Key extends string>(keys: readonly (Key | null)[]): Partial<Record<Key, number>> => {
  const counts: Partial<Record<Key, number>> = {};
  for (const key of keys) if (key !== null) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
};

export const createMemoryBatches = (backend: {
  tasks: readonly Task[];
  runs: readonly Run[];
  addRun(task: Task, patch: Partial<Run>): Run;
  patchRun(id: RunId, patch: Partial<Run>): void;
  number(): string;
  at(): string;
}): MemoryBatches => {
  const batches: Batch[] = [];
  const figures = new Map<RunId, Partial<Figures>>();
  const [launched, asked]: [CreateBatchInput[], string[]] = [[], []];

  const find = (id: BatchId): Batch => {
    const batch = batches.find((known) => known.id === id);
    if (batch === undefined) throw new CcrError("not_found", `There is no batch ${id}.`);
    return batch;
  };
  const set = (id: BatchId, state: Batch["state"]): BatchView => {
    asked.push(state);
    batches.splice(batches.indexOf(find(id)), 1, { ...find(id), state });
    return viewOf(find(id));
  };
  const membersOf = (id: BatchId): Run[] =>
    backend.runs
      .filter(({ batch }) => batch?.id === id && batch.mark !== "replaced")
      .toSorted((one, other) => (one.batch?.place ?? 0) - (other.batch?.place ?? 0));
  const mark = (run: Run, as: BatchRow["mark"]): void => {
    if (run.batch !== null) backend.patchRun(run.id, { batch: { ...run.batch, mark: as } });
  };
  const endedBadly = (runs: readonly Run[]): Run[] =>
    runs.filter(({ status, batch }) => isFinal(status) && status !== "succeeded" && batch?.mark === null);

  const viewOf = (batch: Batch): BatchView => {
    const runs = membersOf(batch.id);
    const ended = runs.filter(({ status }) => isFinal(status));
    const passed = runs.filter(({ status }) => status === "succeeded").length;
    const marked = (as: BatchRow["mark"]) => runs.filter((run) => run.batch?.mark === as).length;
    return {
      ...batch,
      progress: { done: ended.length, total: runs.length },
      counts: {
        outcomes: countBy(runs.map((run) => outcomeOf(run)?.name ?? null)),
        statuses: countBy(runs.map(({ status }) => status)),
        ...{ chosen: marked("chosen"), closed: marked("closed"), removed: 0, retriable: endedBadly(runs).length },
      },
      costUsd: runs.reduce((sum, { usage }) => sum + usage.costUsd, 0),
      startedAt: runs.map(({ startedAt }) => startedAt).find((moment) => moment !== null) ?? null,
      endedAt: ended.length < runs.length ? null : (runs.map(({ endedAt }) => endedAt).at(-1) ?? null),
      summary: `${passed} of ${runs.length} passed; ${runs.length - ended.length} to go.`,
    };
  };

  const rowOf = (run: Run): BatchRow => {
    if (run.batch === null) throw new Error("the run is in no batch");
    const { id: _, ...part } = run.batch;
    return {
      ...NO_FIGURES,
      ...figures.get(run.id),
      ...part,
      pullRequest: run.delivered?.pullRequest ?? null,
      runId: run.id,
      repository: run.repository,
      ref: run.ref,
      status: run.status,
      outcome: outcomeOf(run),
      costUsd: run.usage.costUsd,
      createdAt: run.createdAt,
      startedAt: run.startedAt,
      endedAt: run.endedAt,
    };
  };

  return {
    launched,
    asked,
    setFigures: (id, given) => void figures.set(id, { ...figures.get(id), ...given }),
    context: {
      async create(input) {
        const task = backend.tasks.find(({ id }) => id === input.taskId);
        if (task === undefined) throw new CcrError("not_found", `There is no task ${input.taskId}.`);
        const bad = input.repositories.findIndex(({ repository }) => repository.startsWith("file:"));
        if (bad !== -1)
          throw new CcrError(
            "bad_request",
            `repositories: 1 of the ${input.repositories.length} cannot be used, and nothing was launched. ${bad + 1}. 'file:' addresses are not taken.`,
          );
        launched.push(input);
        const id = BatchId.parse(`bat_${backend.number()}`);
        const variants = input.variants.map(({ model = null, label }) => ({
          ...{ label: label ?? model ?? "", taskId: task.id, taskName: task.name, model },
        }));
        const batch: Batch = {
          ...{ id, taskId: task.id, taskName: task.name, name: input.name ?? task.name, state: "running" },
          ...{ maxConcurrent: input.maxConcurrent ?? null, attempts: input.attempts, variants },
          ...{ groups: input.repositories.length, createdAt: backend.at() },
        };
        batches.unshift(batch);
        let place = 0;
        for (const [index, { repository, ref = null }] of input.repositories.entries())
          for (const { label, model } of variants)
            for (let attempt = 1; attempt <= input.attempts; attempt++) {
              place++;
              const part = { id, group: index + 1, variant: label, attempt, place, tries: 1, mark: null };
              backend.addRun(task, { repository, ref, model, batch: part });
            }
        return batch;
      },
      get: async (id) => viewOf(find(id)),
      list: async ({ before, limit }) => {
        const from = before === undefined ? 0 : batches.indexOf(find(before)) + 1;
        return batches.slice(from, from + limit).map(viewOf);
      },
      async rows({ id, group, after, limit }) {
        find(id);
        return membersOf(id)
          .map(rowOf)
          .filter((row) => row.place > after && (group === undefined || row.group === group))
          .slice(0, limit);
      },
      setPaused: async (id, paused) => set(id, paused ? "paused" : "running"),
      async cancel(id) {
        const open = membersOf(id).filter(({ status }) => !isFinal(status));
        for (const run of open) backend.patchRun(run.id, { status: "canceled", reason: "canceled", endedAt: backend.at() });
        return set(id, "canceled");
      },
      async retry(id) {
        const bad = endedBadly(membersOf(id));
        asked.push("retry");
        for (const run of bad) {
          mark(run, "replaced");
          const { id: _, ...same } = run;
          const [task] = backend.tasks;
          if (task === undefined || run.batch === null) continue;
          const fresh = { ...same, status: "queued" as const, reason: null, startedAt: null, endedAt: null };
          backend.addRun(task, { ...fresh, batch: { ...run.batch, tries: run.batch.tries + 1 } });
        }
        return { launched: bad.length };
      },
      async choose(runId) {
        const run = backend.runs.find(({ id }) => id === runId);
        if (run?.batch == null) throw new CcrError("conflict", `Run ${runId} is in no batch.`);
        const others = membersOf(run.batch.id).filter(({ id, batch }) => id !== runId && batch?.group === run.batch?.group);
        asked.push("choose");
        mark(run, "chosen");
        for (const other of others) {
          mark(other, "closed");
          if (!isFinal(other.status))
            backend.patchRun(other.id, { status: "canceled", reason: "canceled", endedAt: backend.at() });
        }
        return { chosen: runId, closed: others.map(({ id }) => RunId.parse(id)) };
      },
    },
  };
};
