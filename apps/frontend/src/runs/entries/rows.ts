import { type Entry, insideOf } from "./entry.ts";

/** Whose doing an entry is: the agent's, or that of a judge of its work. */
export type Speaker = "agent" | "judge";

/** One line of the list that is drawn: an entry, and how deep inside of subagents and judges it stands. */
export type Row = {
  entry: Entry;
  depth: number;
  by: Speaker;
  /** Nothing comes any more to what is unfinished here: the judge has ended. */
  isOver: boolean;
};

/** The entries in the order in which they are drawn; what is inside of one that is not open is left out. */
export const flattenEntries = (entries: readonly Entry[], isOpen: (key: string) => boolean): readonly Row[] => {
  const rows: Row[] = [];
  const add = (list: readonly Entry[], outer: Omit<Row, "entry">): void => {
    for (const entry of list) {
      rows.push({ entry, ...outer });
      const inside = insideOf(entry);
      if (inside.length === 0 || !isOpen(entry.key)) continue;
      const judged = entry.kind === "judge" ? { by: "judge" as const, isOver: entry.end !== null } : {};
      add(inside, { ...outer, depth: outer.depth + 1, ...judged });
    }
  };
  add(entries, { depth: 0, by: "agent", isOver: false });
  return rows;
};

const seqsOf = (entry: Entry): readonly number[] => {
  if (entry.kind === "tool" && entry.result !== null) return [entry.seq, entry.result.seq];
  return entry.kind === "judge" && entry.end !== null ? [entry.seq, entry.end.seq] : [entry.seq];
};

/**
 * The entry that shows message `seq`, after those that it is inside of; the nearest one before it when the message shows nothing of
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
      search(insideOf(entry), path);
    }
  };
  search(entries, []);
  return exact ?? nearest;
};
