import {
  BULK_RUNS_MAX,
  CcrError,
  type PageRunsInput,
  type RunCounts,
  type RunFilter,
  RunId,
  type RunSort,
  type RunStatus,
} from "@ccr/protocol";
import { type Kysely, type Selectable, sql } from "kysely";
import { fromJson } from "./json.ts";
import type { QueuedOf, RunListing, RunRow } from "./listing-types.ts";
import { toRun } from "./rows.ts";
import { patternsOf } from "./run-text.ts";
import type { Database, RunTable } from "./schema.ts";

/*
 * Lists are walked along the index of their order, some rows at a time, and what else is asked for is looked at row by row: so no database needs an
 * index for each combination, and each answers the same. How many rows one call looks at is bounded; the next page goes on behind the last of them.
 */

// Small rows, a few thousand in some ten milliseconds, in which nobody else is served by SQLite.
const LOOKED_AT_MOST = 5000;
const ROWS_AT_ONCE = 1000;
const RECENT_RUNS = 1000;
const REPOSITORIES_MAX = 30;

type Key = "created_at" | "duration_ms" | "cost_usd" | "ended_at";

const ORDERS = {
  newest: { key: "created_at", direction: "desc" },
  oldest: { key: "created_at", direction: "asc" },
  longest: { key: "duration_ms", direction: "desc" },
  costliest: { key: "cost_usd", direction: "desc" },
  ended: { key: "ended_at", direction: "desc" },
} as const satisfies Record<RunSort, { key: Key; direction: "asc" | "desc" }>;

/** A place in an order: behind the row with this key and id. */
type Place = { key: string | number; id: RunId };
type Step = { sort: RunSort; after: Place | null; since: string | undefined; limit: number };
type Light = Pick<
  Selectable<RunTable>,
  "id" | "status" | "task_id" | "batch_id" | "environment_id" | "repository" | "created_at"
> & {
  key: string | number | null;
};
/** What an index begins with; null: the whole table is walked. */
type Lead = { column: "batch_id" | "task_id" | "environment_id" | "repository" | "status"; value: string } | null;

export const toListed = (row: Selectable<RunTable>): RunRow => ({
  ...toRun(row),
  diff: row.diff_size === null ? null : fromJson<RunRow["diff"]>(row.diff_size),
});

const cursorOf = ({ key, id }: Place): string => `${id} ${key}`;

const placeOf = (cursor: string | undefined, sort: RunSort): Place | null => {
  if (cursor === undefined) return null;
  const [id = "", text = ""] = cursor.split(" ");
  const isNumber = ORDERS[sort].key === "duration_ms" || ORDERS[sort].key === "cost_usd";
  const key = isNumber ? Number(text) : text;
  const parsed = RunId.safeParse(id);
  if (!parsed.success || text === "" || Number.isNaN(key) || (!isNumber && !/^\d{4}-[\d-]+T/.test(text)))
    throw new CcrError("bad_request", "cursor: this is no place in a list of this order; begin without one.");
  return { key, id: parsed.data };
};

/** By what the walk is led: indexes in the order of time begin with these. Several statuses are walked side by side. */
const leadsOf = ({ batchId, taskId, environmentId, repository, status }: RunFilter, sort: RunSort): Lead[] => {
  if (ORDERS[sort].key !== "created_at") return [null];
  if (batchId !== undefined) return [{ column: "batch_id", value: batchId }];
  if (taskId !== undefined) return [{ column: "task_id", value: taskId }];
  if (environmentId !== undefined) return [{ column: "environment_id", value: environmentId }];
  if (repository !== undefined) return [{ column: "repository", value: repository }];
  return status === undefined ? [null] : [...new Set(status)].map((value) => ({ column: "status", value }));
};

const walkOne = async (db: Kysely<Database>, lead: Lead, { sort, after, since, limit }: Step): Promise<Light[]> => {
  const { key, direction } = ORDERS[sort];
  let query = db
    .selectFrom("runs")
    .select(["id", "status", "task_id", "batch_id", "environment_id", "repository", "created_at", `${key} as key`])
    .orderBy(key, direction)
    .orderBy("id", direction)
    .limit(limit);
  if (lead !== null) query = query.where((eb) => eb(eb.ref(lead.column), "=", eb.val(lead.value)));
  if (key === "ended_at") query = query.where("ended_at", "is not", null);
  if (key === "created_at" && since !== undefined) query = query.where("created_at", ">=", since);
  if (after !== null)
    query = query.where((eb) => eb(eb.refTuple(key, "id"), direction === "desc" ? "<" : ">", eb.tuple(after.key, after.id)));
  return query.execute();
};

/** The next rows of several walks, as if they were one: of each the first so many are enough. */
const walk = async (db: Kysely<Database>, leads: readonly Lead[], step: Step): Promise<Light[]> => {
  const all: Light[] = [];
  for (const lead of leads) all.push(...(await walkOne(db, lead, step)));
  if (leads.length === 1) return all;
  const sign = ORDERS[step.sort].direction === "desc" ? -1 : 1;
  const compare = (one: string | number, other: string | number): number => (one < other ? -sign : one > other ? sign : 0);
  return all.toSorted((one, other) => compare(one.key ?? "", other.key ?? "") || compare(one.id, other.id)).slice(0, step.limit);
};

const fits = (row: Light, { taskId, batchId, environmentId, repository, status, since }: RunFilter): boolean =>
  (taskId === undefined || row.task_id === taskId) &&
  (batchId === undefined || row.batch_id === batchId) &&
  (environmentId === undefined || row.environment_id === environmentId) &&
  (repository === undefined || row.repository === repository) &&
  (status === undefined || status.includes(row.status)) &&
  (since === undefined || row.created_at >= since);

/** Those of these runs in whose texts all the words stand. */
const withWords = async (db: Kysely<Database>, ids: readonly RunId[], patterns: readonly string[]): Promise<Set<RunId>> => {
  if (ids.length === 0) return new Set();
  let query = db.selectFrom("run_texts").select("run_id").where("run_id", "in", ids);
  // PostgreSQL's escape unless another is said, and SQLite's none.
  const holds = (column: "text" | "ending", pattern: string) => sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`;
  for (const pattern of patterns) query = query.where(({ or }) => or([holds("text", pattern), holds("ending", pattern)]));
  return new Set((await query.execute()).map((row) => row.run_id));
};

type Found = { rows: Light[]; next: Place | null };

/** Walks until so many fit, or the end, or the bound. */
const findFitting = async (
  db: Kysely<Database>,
  filter: RunFilter,
  how: { sort: RunSort; after: Place | null; limit: number; lookedAtMost?: number },
): Promise<Found> => {
  const { sort, limit, lookedAtMost = LOOKED_AT_MOST } = how;
  const patterns = patternsOf(filter.text ?? "");
  const leads = leadsOf(filter, sort);
  const led = leads.some((lead) => lead !== null);
  const given = [filter.taskId, filter.batchId, filter.environmentId, filter.repository, filter.status].filter(
    (part) => part !== undefined,
  ).length;
  const isExact =
    patterns.length === 0 && given === (led ? 1 : 0) && (filter.since === undefined || ORDERS[sort].key === "created_at");
  const chunk = isExact ? Math.min(limit + 1, ROWS_AT_ONCE) : ROWS_AT_ONCE;
  const rows: Light[] = [];
  let after = how.after;
  for (let looked = 0; looked < lookedAtMost; ) {
    const some = await walk(db, leads, { sort, after, since: filter.since, limit: chunk });
    looked += some.length;
    const possible = some.filter((row) => fits(row, filter));
    const words =
      patterns.length === 0
        ? null
        : await withWords(
            db,
            possible.map((row) => row.id),
            patterns,
          );
    for (const row of possible) {
      if (words !== null && !words.has(row.id)) continue;
      // One more than is wanted is known to be there: the page is full, and not the last.
      if (rows.length === limit) return { rows, next: placeAt(rows.at(-1)) };
      rows.push(row);
    }
    if (some.length < chunk) return { rows, next: null };
    after = placeAt(some.at(-1));
  }
  return { rows, next: after };
};

const placeAt = (row: Light | undefined): Place | null => (row === undefined ? null : { key: row.key ?? "", id: row.id });

/** Whole rows of these runs, in this order; those that are gone are left out. */
const wholeRows = async (db: Kysely<Database>, ids: readonly RunId[]): Promise<RunRow[]> => {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("runs").selectAll().where("id", "in", ids).execute();
  const byId = new Map(rows.map((row) => [row.id, toListed(row)]));
  return ids.flatMap((id) => byId.get(id) ?? []);
};

const countAll = async (db: Kysely<Database>): Promise<RunCounts> => {
  const rows = await db
    .selectFrom("runs")
    .select((eb) => ["status", eb.cast<number>(eb.fn.countAll(), "integer").as("count")])
    .groupBy("status")
    .orderBy("status")
    .execute();
  return { statuses: Object.fromEntries(rows.map(({ status, count }) => [status, count])), isWhole: true };
};

const isUnfiltered = ({ taskId, batchId, environmentId, repository, text, since }: Omit<RunFilter, "status">): boolean =>
  [taskId, batchId, environmentId, repository, since].every((part) => part === undefined) && patternsOf(text ?? "").length === 0;

export const createRunListing = ({ db }: { db: Kysely<Database> }): RunListing => ({
  page: async ({ sort, cursor, limit, ...filter }: PageRunsInput) => {
    const after = placeOf(cursor, sort);
    if (filter.status?.length === 0) return { runs: [], next: null };
    const { rows, next } = await findFitting(db, filter, { sort, after, limit });
    const runs = await wholeRows(
      db,
      rows.map((row) => row.id),
    );
    return { runs, next: next === null ? null : cursorOf(next) };
  },

  counts: async (filter) => {
    if (isUnfiltered(filter)) return countAll(db);
    const { taskId, batchId, environmentId, repository, text, since } = filter;
    const within = { taskId, batchId, environmentId, repository, text, since };
    const { rows, next } = await findFitting(db, within, { sort: "newest", after: null, limit: LOOKED_AT_MOST });
    const statuses = new Map<RunStatus, number>();
    for (const { status } of rows) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    return { statuses: Object.fromEntries(statuses), isWhole: next === null };
  },

  select: async (filter) => {
    if (filter.status?.length === 0) return { runs: [], isWhole: true };
    const { rows, next } = await findFitting(db, filter, { sort: "newest", after: null, limit: BULK_RUNS_MAX });
    return { runs: rows.map(({ id, status }) => ({ id, status })), isWhole: next === null };
  },

  some: (ids) => wholeRows(db, ids),

  queued: async () => {
    const rows = await db
      .selectFrom("runs")
      .leftJoin("batches", "batches.id", "runs.batch_id")
      .select(["runs.id", "runs.batch_id", "batches.name"])
      .where("runs.status", "=", "queued")
      .execute();
    return rows.map(
      ({ id, batch_id, name }): QueuedOf => ({ id, batch: batch_id === null ? null : { id: batch_id, name: name ?? "" } }),
    );
  },

  repositories: async () => {
    const rows = await db
      .selectFrom("runs")
      .select(["repository", "created_at"])
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(RECENT_RUNS)
      .execute();
    const lastUsed = new Map<string, string>();
    for (const row of rows) if (!lastUsed.has(row.repository)) lastUsed.set(row.repository, row.created_at);
    return [...lastUsed].slice(0, REPOSITORIES_MAX).map(([repository, lastUsedAt]) => ({ repository, lastUsedAt }));
  },
});
