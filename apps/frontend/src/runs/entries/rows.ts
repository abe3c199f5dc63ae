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

/** What is drawn of the entries: what is inside of open ones, or, with `only`, what it picks wherever it stands. */
export type RowChoice = { isOpen: (key: string) => boolean; only: ((entry: Entry) => boolean) | null };

/** Rows, and from what they were made; `starts` has for each of the entries where its rows begin. */
export type RowList = {
  readonly rows: readonly Row[];
  readonly starts: readonly number[];
  readonly entries: readonly Entry[];
  readonly choice: RowChoice | null;
};

export const noRows: RowList = { rows: [], starts: [], entries: [], choice: null };

/** How many entries both lists begin with, identically. */
export const commonStart = (before: readonly Entry[], now: readonly Entry[]): number => {
  const most = Math.min(before.length, now.length);
  for (let index = 0; index < most; index += 1) if (before[index] !== now[index]) return index;
  return most;
};

/** The rows of these entries. With the choice of before, only those of entries that changed are made anew, and those that come after. */
export const listRows = (before: RowList, entries: readonly Entry[], choice: RowChoice): RowList => {
  const same = choice === before.choice ? commonStart(before.entries, entries) : 0;
  if (same === entries.length && same === before.entries.length && choice === before.choice) return before;
  const rows = before.rows.slice(0, same < before.starts.length ? before.starts[same] : same === 0 ? 0 : before.rows.length);
  const starts = before.starts.slice(0, same);
  const add = (entry: Entry, outer: Omit<Row, "entry">): void => {
    if (choice.only === null || choice.only(entry)) rows.push({ entry, ...outer });
    const inside = insideOf(entry);
    if (inside.length === 0 || (choice.only === null && !choice.isOpen(entry.key))) return;
    const judged = entry.kind === "judge" ? { by: "judge" as const, isOver: entry.end !== null } : {};
    for (const inner of inside) add(inner, { ...outer, depth: outer.depth + 1, ...judged });
  };
  for (const entry of entries.slice(same)) {
    starts.push(rows.length);
    add(entry, { depth: 0, by: "agent", isOver: false });
  }
  return { rows, starts, entries, choice };
};

/** Where a row is in the list by its entry's key, looked for first where it was; -1: it is not there. */
export const indexOfRow = (rows: readonly Row[], key: string, near: number): number =>
  rows[near]?.entry.key === key ? near : rows.findIndex(({ entry }) => entry.key === key);

/** The last row that does not begin after message `seq`, or the first. */
export const indexOfSeq = (rows: readonly Row[], seq: number): number => {
  let low = 0;
  let high = rows.length;
  // Rows of subagents that work at the same time are not quite in order: near is good enough.
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.entry.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
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
      const isExact = exact === null && seqsOf(entry).includes(seq);
      const best = nearest?.at(-1);
      const isNearer = best === undefined || entry.seq >= best.seq;
      const inside = insideOf(entry);
      if (!isExact && !isNearer && inside.length === 0) continue;
      const path = [...above, entry];
      if (isExact) exact = path;
      if (isNearer) nearest = path;
      search(inside, path);
    }
  };
  search(entries, []);
  return exact ?? nearest;
};

/** The rows of these entries alone. */
export const flattenEntries = (entries: readonly Entry[], isOpen: (key: string) => boolean): readonly Row[] =>
  listRows(noRows, entries, { isOpen, only: null }).rows;
