import { type BatchId, CcrError, FINAL_STATUSES, isFinal, type Run, type RunId, RunStatus } from "@ccr/protocol";
import type { Selectable, Transaction } from "kysely";
import type { Move } from "./batch-types.ts";
import { noSuchRun } from "./fence.ts";
import type { Ids } from "./ids.ts";
import { fromJson } from "./json.ts";
import { entriesOf, type Moved, moveRuns } from "./moves.ts";
import { insertRuns, untouched } from "./new-run.ts";
import { toRun } from "./rows.ts";
import type { BatchTable, Database, RunTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";

// A run's row has some 40 columns, and a statement at most some 32,000 values.
const ROWS_AT_ONCE = 100;
const UNFINISHED = RunStatus.options.filter((status) => !isFinal(status));
const ENDED_BADLY = FINAL_STATUSES.filter((status) => status !== "succeeded");

const chunks = <Item>(items: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(items.length / ROWS_AT_ONCE) }, (_, index) =>
    items.slice(index * ROWS_AT_ONCE, (index + 1) * ROWS_AT_ONCE),
  );

type Trx = Transaction<Database>;

/**
 * Keeps everybody else who writes to the batch or to its runs' parts in it waiting until the transaction ends. Whoever does takes this before the
 * rows of the runs, so that no two wait for each other. null: there is no such batch.
 */
export const holdBatch = async (trx: Trx, id: BatchId): Promise<Selectable<BatchTable> | null> =>
  (await trx
    .updateTable("batches")
    .set((eb) => ({ state: eb.ref("state") }))
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst()) ?? null;

/** null: the key is taken. */
export const insertBatch = async (
  trx: Trx,
  { batch, runs }: { batch: Selectable<BatchTable>; runs: readonly Selectable<RunTable>[] },
): Promise<Selectable<BatchTable> | null> => {
  const stored = await trx
    .insertInto("batches")
    .values(batch)
    .onConflict((conflict) => conflict.columns(["task_id", "idempotency_key"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (stored === undefined) return null;
  for (const some of chunks(runs)) await insertRuns(trx, some);
  return stored;
};

/** Each move for those of the runs that it is for. */
const moveAll = async (trx: Trx, ids: readonly RunId[], { moves, now }: { moves: readonly Move[]; now: Clock }) => {
  const moved: Moved[] = [];
  for (const move of moves) {
    const entries = entriesOf(move, now);
    moved.push(...(await moveRuns(trx, { ...move, entries }, { ids })));
  }
  return moved;
};

/** See `BatchStore.cancel`. */
export const cancelBatch = async (
  trx: Trx,
  id: BatchId,
  how: { moves: readonly Move[]; now: Clock },
): Promise<Moved[] | null> => {
  if ((await holdBatch(trx, id)) === null) return null;
  const open = await trx.selectFrom("runs").select("id").where("batch_id", "=", id).where("status", "in", UNFINISHED).execute();
  if (open.length === 0) return [];
  await trx.updateTable("batches").set({ state: "canceled" }).where("id", "=", id).execute();
  return moveAll(
    trx,
    open.map((run) => run.id),
    how,
  );
};

/** See `BatchStore.retry`. */
export const retryBatch = async (trx: Trx, id: BatchId, { ids, now }: { ids: Ids; now: Clock }): Promise<RunId[] | null> => {
  const batch = await holdBatch(trx, id);
  if (batch === null) return null;
  const bad = await trx
    .selectFrom("runs")
    .select("id")
    .where("batch_id", "=", id)
    .where("batch_mark", "is", null)
    .where("status", "in", ENDED_BADLY)
    // What could not be pushed, and was later, is done.
    .where((eb) => eb.or([eb("reason", "is", null), eb("reason", "!=", "push_failed"), eb("is_delivered", "=", 0)]))
    .execute();
  if (bad.length === 0) return [];
  if (batch.state === "canceled") await trx.updateTable("batches").set({ state: "running" }).where("id", "=", id).execute();
  const created: RunId[] = [];
  for (const some of chunks(bad.map((run) => run.id))) {
    const old = await trx.updateTable("runs").set({ batch_mark: "replaced" }).where("id", "in", some).returningAll().execute();
    const fresh = old
      .toSorted((one, other) => (one.batch_place ?? 0) - (other.batch_place ?? 0))
      .map((run) => ({
        ...run,
        ...untouched(fromJson(run.steps)),
        id: ids.run(),
        created_at: now().toISOString(),
        batch_mark: null,
        batch_tries: (run.batch_tries ?? 1) + 1,
      }));
    await insertRuns(trx, fresh);
    created.push(...fresh.map((run) => run.id));
  }
  return created;
};

const refuseChoice = (id: RunId, { status, batch_mark }: Pick<RunTable, "status" | "batch_mark">): CcrError | null => {
  if (batch_mark === "replaced")
    return new CcrError("conflict", `Run ${id} was replaced by another one in its batch; choose that one.`);
  return isFinal(status) ? null : new CcrError("conflict", `Run ${id} is ${status}: only a run that has ended can be chosen.`);
};

/** See `BatchStore.choose`. */
export const chooseRun = async (
  trx: Trx,
  id: RunId,
  how: { moves: readonly Move[]; now: Clock },
): Promise<{ chosen: Run; closed: RunId[]; moved: Moved[] }> => {
  const asked = await trx.selectFrom("runs").select("batch_id").where("id", "=", id).executeTakeFirst();
  if (asked === undefined) throw noSuchRun(id);
  if (asked.batch_id === null)
    throw new CcrError("conflict", `Run ${id} is in no batch: there is no other one that it competes with.`);
  await holdBatch(trx, asked.batch_id);
  const run = await trx.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
  if (run === undefined) throw noSuchRun(id);
  const refused = refuseChoice(id, run);
  if (refused !== null) throw refused;
  const group = await trx
    .selectFrom("runs")
    .select(["id", "batch_mark"])
    .where("batch_id", "=", run.batch_id)
    .where("batch_group", "=", run.batch_group)
    .orderBy("batch_place")
    .orderBy("batch_tries")
    .execute();
  const closed = group.flatMap((other) => (other.id === id || other.batch_mark === "replaced" ? [] : [other.id]));
  await trx.updateTable("runs").set({ batch_mark: "chosen" }).where("id", "=", id).execute();
  if (closed.length > 0) await trx.updateTable("runs").set({ batch_mark: "closed" }).where("id", "in", closed).execute();
  return { chosen: toRun({ ...run, batch_mark: "chosen" }), closed, moved: await moveAll(trx, closed, how) };
};
