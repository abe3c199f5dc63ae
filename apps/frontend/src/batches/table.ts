import { type BatchRow, isFinal, RUN_OUTCOMES, type RunOutcomeName } from "@ccr/protocol";

/** What a table can be put in order by. */
export const SORTS = ["place", "outcome", "repository", "checks", "attempts", "cost", "duration", "size"] as const;
export type Sort = (typeof SORTS)[number];

/** What is shown of a batch: runs of one outcome alone, or those that have not ended; in which order; of which repositories. */
export type TableSearch = { outcome?: RunOutcomeName | "open"; sort?: Sort; down?: true; find?: string };

const OUTCOME_NAMES: readonly string[] = Object.keys(RUN_OUTCOMES);
const isOutcome = (name: unknown): name is RunOutcomeName => typeof name === "string" && OUTCOME_NAMES.includes(name);

/** Reads the query of a batch's page; what is not understood is left out. */
export const parseTableSearch = (search: Record<string, unknown>): TableSearch => {
  const { outcome, find } = search;
  const sort = SORTS.find((known) => known === search.sort);
  return {
    ...(isOutcome(outcome) || outcome === "open" ? { outcome } : {}),
    ...(sort === undefined || sort === "place" ? {} : { sort }),
    ...(search.down === true ? { down: true } : {}),
    ...(typeof find === "string" && find !== "" ? { find } : {}),
  };
};

/** How long a run took, or takes so far; null: it has not started. */
export const durationMs = ({ startedAt, endedAt }: Pick<BatchRow, "startedAt" | "endedAt">, now: number): number | null =>
  startedAt === null ? null : (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt);

/** How many lines a run changed; null: nothing is known. */
const sizeOf = ({ diff }: BatchRow): number | null => (diff === null ? null : diff.additions + diff.deletions);

/** Outcomes in the order in which they are listed everywhere, then what has not ended. */
const rankOf = ({ outcome, status }: BatchRow): number =>
  outcome === null ? OUTCOME_NAMES.length + (status === "queued" ? 1 : 0) : OUTCOME_NAMES.indexOf(outcome.name);

const shareOf = ({ checks: { passed, total } }: BatchRow): number | null => (total === 0 ? null : passed / total);

const keyOf = (row: BatchRow, sort: Sort, now: number): number | string | null => {
  switch (sort) {
    case "place":
      return row.place;
    case "outcome":
      return rankOf(row);
    case "repository":
      return row.repository.toLowerCase();
    case "checks":
      return shareOf(row);
    case "attempts":
      return row.attemptsUsed;
    case "cost":
      return row.costUsd;
    case "duration":
      return durationMs(row, now);
    case "size":
      return sizeOf(row);
  }
};

const fits = (row: BatchRow, { outcome, find = "" }: TableSearch): boolean => {
  if (outcome === "open" ? isFinal(row.status) : outcome !== undefined && row.outcome?.name !== outcome) return false;
  const text = `${row.repository}@${row.ref ?? ""} ${row.variant}`.toLowerCase();
  return text.includes(find.trim().toLowerCase());
};

/** The rows that are asked for, in the order that is asked for; what is not known comes last, and equal ones by their place. Pure. */
export const rowsToShow = (rows: readonly BatchRow[], search: TableSearch, now: number): BatchRow[] => {
  const { sort = "place", down = false } = search;
  return rows
    .filter((row) => fits(row, search))
    .map((row) => ({ row, key: keyOf(row, sort, now) }))
    .toSorted((one, other) => {
      if (one.key === other.key) return one.row.place - other.row.place;
      if (one.key === null) return 1;
      if (other.key === null) return -1;
      const order = one.key < other.key ? -1 : 1;
      return down ? -order : order;
    })
    .map(({ row }) => row);
};
