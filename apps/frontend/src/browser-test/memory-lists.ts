import type { AppRouter } from "@ccr/backend/router";
import {
  CcrError,
  type DayBudget,
  holdOf,
  isFinal,
  type ListedRun,
  quickTaskName,
  type Run,
  type RunFilter,
  type RunId,
  type RunView,
  type StartRunInput,
  type Task,
} from "@ccr/protocol";
import type { inferRouterContext } from "@trpc/server";

type Context = inferRouterContext<AppRouter>;

type Parts = {
  tasks: Task[];
  runs: Run[];
  /** Failures that somebody has dismissed. */
  dismissed: Set<RunId>;
  started: StartRunInput[];
  viewOf(run: Run): RunView;
  today(): DayBudget;
  addTask(input: Pick<Task, "name" | "steps">): Task;
  addRun(task: Task, patch?: Partial<Run>): Run;
  cancel(id: RunId): Promise<Run>;
};

const fits = (run: Run, { taskId, batchId, status, repository, text = "" }: RunFilter): boolean =>
  (taskId === undefined || run.taskId === taskId) &&
  (batchId === undefined || run.batch?.id === batchId) &&
  (status === undefined || status.includes(run.status)) &&
  (repository === undefined || run.repository === repository) &&
  text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => JSON.stringify(run).toLowerCase().includes(word));

/** The rooms of lists and launches, in memory. */
export const memoryLists = (parts: Parts): Pick<Context, "listing" | "launches" | "repositories"> => {
  const { tasks, runs, dismissed } = parts;
  const listed = (run: Run): ListedRun => ({ ...parts.viewOf(run), diff: null });
  const inOrder = (): Run[] => runs.toSorted((one, other) => (one.createdAt < other.createdAt ? 1 : -1));
  const retry = (id: RunId): Run => {
    const run = runs.find((known) => known.id === id);
    if (run === undefined) throw new CcrError("not_found", `There is no run ${id}.`);
    if (!isFinal(run.status))
      throw new CcrError("conflict", `Run ${id} is ${run.status}: it can be launched again when it has ended.`);
    const task = tasks.find((known) => known.id === run.taskId) ?? parts.addTask({ name: run.taskName, steps: run.steps });
    dismissed.add(id);
    return parts.addRun(task, { repository: run.repository, ref: run.ref });
  };
  return {
    listing: {
      page: async ({ sort: _, cursor, limit, ...filter }) => {
        const all = inOrder().filter((run) => fits(run, filter));
        const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
        const some = all.slice(from, from + limit);
        return { runs: some.map(listed), next: from + limit < all.length ? (some.at(-1)?.id ?? null) : null };
      },
      counts: async (filter) => {
        const statuses = new Map<Run["status"], number>();
        for (const { status } of runs.filter((run) => fits(run, filter))) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        return { statuses: Object.fromEntries(statuses), isWhole: true };
      },
      select: async (filter) => ({
        runs: inOrder()
          .filter((run) => fits(run, filter))
          .map(({ id, status }) => ({ id, status })),
        isWhole: true,
      }),
      some: async (ids) => runs.filter(({ id }) => ids.includes(id)).map(listed),
      overview: async () => {
        const of = (...status: Run["status"][]): ListedRun[] =>
          inOrder()
            .filter((run) => status.includes(run.status))
            .map(listed);
        const running = of("starting", "running", "canceling");
        const queued = of("queued");
        return {
          waiting: of("waiting"),
          attention: of("failed", "errored").filter(({ id }) => !dismissed.has(id)),
          running: running.map((run) => ({ ...run, refused: { count: 0, hosts: [], last: 0 } })),
          runningTotal: running.length,
          queued: { total: queued.length, runs: queued.slice(0, 5), batches: [] },
          budget: running.length + queued.length === 0 ? null : holdOf(parts.today()),
          recent: of("succeeded", "failed", "errored", "canceled").slice(0, 8),
        };
      },
      dismiss: async ({ ids, dismissed: is }) => {
        for (const id of ids) {
          if (is) dismissed.add(id);
          else dismissed.delete(id);
        }
        return ids.length;
      },
    },
    launches: {
      start: async (input) => {
        parts.started.push(input);
        const steps = [{ instructions: input.prompt, checks: input.checks }];
        const task = parts.addTask({ name: quickTaskName(input.prompt), steps });
        task.isQuick = true;
        return parts.addRun(task, { repository: input.repository, ref: input.ref ?? null });
      },
      setUp: async ({ repository, ref }) =>
        parts.addRun(parts.addTask({ name: "Set up", steps: [] }), { repository, ref: ref ?? null }),
      retry: async ({ id }) => retry(id),
      retryMany: async ({ ids }) =>
        ids.map((id) => {
          try {
            return { id, newId: retry(id).id, problem: null };
          } catch (error) {
            return { id, newId: null, problem: error instanceof Error ? error.message : String(error) };
          }
        }),
      cancelMany: async ({ ids }) =>
        Promise.all(
          ids.map(async (id) => {
            const before = runs.find((run) => run.id === id);
            if (before === undefined) return { id, did: "gone", status: null };
            if (isFinal(before.status)) return { id, did: "ended", status: before.status };
            return { id, did: "canceled", status: (await parts.cancel(id)).status };
          }),
        ),
    },
    repositories: {
      async search({ host, owner, query = "" }) {
        if (host !== "github.com") throw new CcrError("not_found", `host: this server knows no git host ${host}.`);
        return ["alpha", "beta", "gone"]
          .filter((name) => name.includes(query))
          .map((name) => ({ repository: `${owner}/${name}`, defaultBranch: "main", isArchived: name === "gone" }));
      },
      recent: async () =>
        [...new Set(inOrder().map(({ repository }) => repository))].map((repository) => ({ repository, lastUsedAt: null })),
      branches: async (repository) => {
        if (repository.includes("unreachable"))
          throw new CcrError("unprocessable", `There is no repository ${repository} that can be read from here.`);
        return { defaultBranch: "main", branches: ["main", "feature/one", "release/2"], isWhole: true };
      },
    },
  };
};
