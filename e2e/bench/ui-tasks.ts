import type { Page } from "playwright-core";

/** What the page's main thread did: how long its tasks took by the clock, and how much of that it had a processor. */
export type TaskFigures = {
  /** The task that took longest, and for how much of it there was a processor: the rest is waiting for other processes. */
  longestMs: number;
  longestCpuMs: number;
  /** The most that one task needed of a processor: what the longest one would take on a machine that does nothing else. */
  mostCpuMs: number;
  /** How many tasks needed more than half of what a frame may take at most, and how many lasted for longer than that. */
  over50CpuMs: number;
  over100Ms: number;
  /** All of them together, as a share of one processor. */
  cpuShare: number;
};

type Task = { thread: string; atUs: number; wallUs: number; cpuUs: number };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

/** The tasks of the busiest page among the events of a trace. */
const mainTasks = (events: readonly unknown[]): readonly Task[] => {
  const names = new Set<string>();
  const tasks: Task[] = [];
  for (const event of events) {
    if (!isRecord(event)) continue;
    const thread = `${event.pid}/${event.tid}`;
    if (event.name === "thread_name" && isRecord(event.args) && event.args.name === "CrRendererMain") names.add(thread);
    if (event.ph !== "X" || event.name !== "ThreadControllerImpl::RunTask") continue;
    tasks.push({ thread, atUs: numberOf(event.ts), wallUs: numberOf(event.dur), cpuUs: numberOf(event.tdur) });
  }
  const spent = new Map<string, number>();
  for (const { thread, cpuUs } of tasks) if (names.has(thread)) spent.set(thread, (spent.get(thread) ?? 0) + cpuUs);
  const [busiest] = [...spent].toSorted(([, a], [, b]) => b - a);
  return tasks.filter(({ thread }) => thread === busiest?.[0]);
};

const ms = (us: number): number => Number((us / 1000).toFixed(1));

/** Traces the page while something is done in it, and gives what that gave as well. Costs a few hundredths of a processor. */
export const watchTasks = async <T>(page: Page, work: () => Promise<T>): Promise<{ result: T; tasks: TaskFigures }> => {
  const session = await page.context().newCDPSession(page);
  const events: unknown[] = [];
  session.on("Tracing.dataCollected", ({ value }) => {
    for (const event of value) events.push(event);
  });
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel"] } });
  const result = await work();
  const complete = new Promise<void>((resolve) => session.once("Tracing.tracingComplete", () => resolve()));
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  const tasks = mainTasks(events);
  if (tasks.length === 0) throw new Error("the trace has no tasks of the page");
  const first = tasks.reduce((least, { atUs }) => Math.min(least, atUs), Number.POSITIVE_INFINITY);
  const last = tasks.reduce((most, { atUs, wallUs }) => Math.max(most, atUs + wallUs), 0);
  const longest = tasks.reduce((most, task) => (task.wallUs > most.wallUs ? task : most));
  return {
    result,
    tasks: {
      longestMs: ms(longest.wallUs),
      longestCpuMs: ms(longest.cpuUs),
      mostCpuMs: ms(tasks.reduce((most, { cpuUs }) => Math.max(most, cpuUs), 0)),
      over50CpuMs: tasks.filter(({ cpuUs }) => cpuUs > 50_000).length,
      over100Ms: tasks.filter(({ wallUs }) => wallUs > 100_000).length,
      cpuShare: Number((tasks.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / (last - first)).toFixed(2)),
    },
  };
};
