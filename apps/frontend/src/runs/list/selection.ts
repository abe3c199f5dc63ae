import { isFinal, type RunId, type RunStatus } from "@ccr/protocol";

/** Runs that are chosen, with their statuses as they are known; `anchor` is the one from which a range goes. */
export type Selection = { runs: ReadonlyMap<RunId, RunStatus>; anchor: RunId | null };

export const nothing: Selection = { runs: new Map(), anchor: null };

type Shown = readonly { id: RunId; status: RunStatus }[];

/** With one more, or less; with `range`, all from the one that was chosen before become as this one does. Pure. */
export const toggle = (selection: Selection, shown: Shown, { id, range }: { id: RunId; range: boolean }): Selection => {
  const to = shown.findIndex((run) => run.id === id);
  const from = range ? shown.findIndex((run) => run.id === selection.anchor) : -1;
  const some = from === -1 ? shown.slice(to, to + 1) : shown.slice(Math.min(from, to), Math.max(from, to) + 1);
  const isOn = !selection.runs.has(id);
  const runs = new Map(selection.runs);
  for (const run of some) {
    if (isOn) runs.set(run.id, run.status);
    else runs.delete(run.id);
  }
  return { runs, anchor: id };
};

/** All that are shown, or none of them when all are chosen already. Pure. */
export const toggleShown = (selection: Selection, shown: Shown): Selection => {
  const runs = new Map(selection.runs);
  const isAll = shown.every(({ id }) => runs.has(id));
  for (const { id, status } of shown) {
    if (isAll) runs.delete(id);
    else runs.set(id, status);
  }
  return { runs, anchor: null };
};

/** What may be done with which of them: those that go on are canceled, and those that have ended launched again. Pure. */
export const doable = (
  { runs }: Selection,
  current: (id: RunId) => RunStatus | undefined,
): { cancel: RunId[]; retry: RunId[] } => {
  const all = [...runs].map(([id, known]) => ({ id, status: current(id) ?? known }));
  return {
    cancel: all.filter(({ status }) => !isFinal(status) && status !== "canceling").map(({ id }) => id),
    retry: all.filter(({ status }) => isFinal(status)).map(({ id }) => id),
  };
};
