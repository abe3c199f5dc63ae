import { type BatchId, type BudgetHold, holdSentence, type ListedRun, type RunId, type RunsOverview } from "@ccr/protocol";

type Running = RunsOverview["running"][number];

/** Something that a person should see to. The runs of one batch that ended badly are one, as are those that were refused the same hosts. */
export type Need =
  | { kind: "waiting"; key: string; run: ListedRun }
  | { kind: "budget"; key: string; hold: BudgetHold; queued: number; run: ListedRun | null }
  | { kind: "refused"; key: string; runs: readonly [Running, ...Running[]] }
  | { kind: "ended"; key: string; run: ListedRun }
  | { kind: "batch"; key: string; batchId: BatchId; runs: readonly ListedRun[] };

/** Up to which of its requests somebody has seen that they were refused, by run. */
export type SeenRefusals = Readonly<Record<string, number>>;

/** What needs somebody, in the order in which it is worth to look: what waits, for whom or for money, what is kept from its work, what ended badly. Pure. */
export const needsOf = (
  overview: Pick<RunsOverview, "waiting" | "running" | "attention"> & Partial<Pick<RunsOverview, "budget" | "queued">>,
  seen: SeenRefusals,
): Need[] => {
  const { waiting, running, attention, budget = null, queued } = overview;
  const needs: Need[] = waiting.map((run) => ({ kind: "waiting", key: run.id, run }));
  // One for the day and the ceiling, so that another is news.
  if (budget !== null) {
    const run = queued?.runs[0] ?? running[0] ?? null;
    needs.push({ kind: "budget", key: `${budget.to} ${budget.dayUsd}`, hold: budget, queued: queued?.total ?? 0, run });
  }
  const unseen = running.filter(({ id, refused }) => refused.last > (seen[id] ?? 0));
  for (const [hosts, [first, ...others]] of Map.groupBy(unseen, ({ refused }) => refused.hosts.toSorted().join(" ")))
    if (first !== undefined) needs.push({ kind: "refused", key: `refused ${hosts}`, runs: [first, ...others] });
  const ofBatch = Map.groupBy(attention, ({ id, batch }) => batch?.id ?? id);
  for (const runs of ofBatch.values()) {
    const [run] = runs;
    if (run === undefined) continue;
    if (runs.length > 1 && run.batch !== null) needs.push({ kind: "batch", key: run.batch.id, batchId: run.batch.id, runs });
    else needs.push({ kind: "ended", key: run.id, run });
  }
  return needs;
};

/** The runs that are dismissed with these. Pure. */
export const endedOf = (needs: readonly Need[]): RunId[] =>
  needs.flatMap((need) => (need.kind === "ended" ? [need.run.id] : need.kind === "batch" ? need.runs.map(({ id }) => id) : []));

/** For what money waits, in a sentence. Pure. */
export const describeHold = ({ hold, queued }: Pick<Extract<Need, { kind: "budget" }>, "hold" | "queued">): string => {
  const waits =
    queued === 0 ? "What goes on waits before its next step" : queued === 1 ? "A queued run waits" : `${queued} queued runs wait`;
  return `${waits}: ${holdSentence(hold)}.`;
};

/** What came of runs of one batch, in a sentence. Pure. */
export const describeBatch = (runs: readonly ListedRun[]): string =>
  `${runs.length === 1 ? "A run" : `${runs.length} runs`} of one batch ended badly.`;

const SEEN_MOST = 200;

/** With more that was seen; only the last few runs are remembered. Pure. */
export const seeRefusals = (seen: SeenRefusals, runs: readonly Running[]): SeenRefusals => {
  const others = Object.entries(seen).filter(([id]) => !runs.some((run) => run.id === id));
  return Object.fromEntries([...others, ...runs.map(({ id, refused }) => [id, refused.last] as const)].slice(-SEEN_MOST));
};

/** What was refused, in a sentence. Pure. */
export const describeRefusals = (runs: readonly [Running, ...Running[]]): string => {
  const count = runs.reduce((sum, { refused }) => sum + refused.count, 0);
  const [first = "a host", second, ...more] = runs[0].refused.hosts;
  const names = second === undefined ? first : more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and others`;
  return `The network policy refused ${count === 1 ? "a request" : `${count} requests`} to ${names}.`;
};
