import type { Entry } from "./entry.ts";

/** One line of the list that is drawn: an entry, and how deep inside of subagents it stands. */
export type Row = { entry: Entry; depth: number };

/** The entries in the order in which they are drawn; what is inside of a call that is not open is left out. */
export const flattenEntries = (entries: readonly Entry[], isOpen: (key: string) => boolean): readonly Row[] => {
  const rows: Row[] = [];
  const add = (list: readonly Entry[], depth: number): void => {
    for (const entry of list) {
      rows.push({ entry, depth });
      if (entry.kind === "tool" && entry.children.length > 0 && isOpen(entry.key)) add(entry.children, depth + 1);
    }
  };
  add(entries, 0);
  return rows;
};

const seqsOf = (entry: Entry): readonly number[] =>
  entry.kind === "tool" && entry.result !== null ? [entry.seq, entry.result.seq] : [entry.seq];

/**
 * The entry that shows message `seq`, after the calls that it is inside of; the nearest one before it when the message shows nothing of
 * its own; null when there is none.
 */
export const findEntryPath = (entries: readonly Entry[], seq: number): readonly Entry[] | null => {
  let nearest: readonly Entry[] | null = null;
  let exact: readonly Entry[] | null = null;
  const search = (list: readonly Entry[], above: readonly Entry[]): void => {
    for (const entry of list) {
      if (entry.seq > seq) return;
      const path = [...above, entry];
      if (exact === null && seqsOf(entry).includes(seq)) exact = path;
      const best = nearest?.at(-1);
      if (best === undefined || entry.seq >= best.seq) nearest = path;
      if (entry.kind === "tool") search(entry.children, path);
    }
  };
  search(entries, []);
  return exact ?? nearest;
};
