import { CcrError, isFinal, type RunId } from "@ccr/protocol";
import type { Selectable, Transaction } from "kysely";
import type { Move } from "./batch-types.ts";
import { type Entry, encode, insertAfter } from "./entries.ts";
import type { Stored } from "./feed.ts";
import type { Feeds } from "./feeds.ts";
import { patchColumns } from "./patches.ts";
import { toRun } from "./rows.ts";
import { durationMsOf, endingOf } from "./run-text.ts";
import type { Database, RunTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";

/** A run that was moved, and what was told of it. */
export type Moved = { row: Selectable<RunTable>; stored: Stored[] };

/** What a move tells, as it is stored. It is told once anyhow: it needs no number. */
export const entriesOf = ({ message }: { message?: Move["message"] | undefined }, now: Clock): Entry[] =>
  message === undefined ? [] : [encode({ at: now().toISOString(), ...message }, null)];

/**
 * Moves those of these runs that have one of the statuses now, and, when `fence` is given, that fencing number; a final status is never
 * left. Gives those that were moved.
 */
export const moveRuns = async (
  trx: Transaction<Database>,
  { from, to, patch = {}, entries }: Omit<Move, "message"> & { entries: readonly Entry[] },
  { ids, fence }: { ids: readonly RunId[]; fence?: number | undefined },
): Promise<Moved[]> => {
  const open = from.filter((status) => !isFinal(status));
  if (open.length === 0 || ids.length === 0) return [];
  const rows = await trx
    .updateTable("runs")
    .set((eb) => ({ ...patchColumns(patch), status: to, last_seq: eb("last_seq", "+", entries.length) }))
    .where("id", "in", ids)
    .where("status", "in", open)
    .$if(fence !== undefined, (query) => query.where("fence", "=", fence ?? null))
    .returningAll()
    .execute();
  const moved: Moved[] = [];
  for (const row of rows) {
    if (isFinal(to)) {
      await noteEnd(trx, row);
      await closeInputs(trx, row.id);
    }
    const place = { runId: row.id, origin: null, seq: row.last_seq - entries.length };
    moved.push({ row, stored: await insertAfter(trx, entries, place) });
  }
  return moved;
};

/** Of a run that has ended: how long it took, and the words of its end, by which it is found. */
const noteEnd = async (trx: Transaction<Database>, row: Selectable<RunTable>): Promise<void> => {
  if (row.ended_at !== null)
    await trx
      .updateTable("runs")
      .set({ duration_ms: durationMsOf({ ...row, ended_at: row.ended_at }) })
      .where("id", "=", row.id)
      .execute();
  if (row.sentence !== null)
    await trx
      .updateTable("run_texts")
      .set({ ending: endingOf(row.sentence) })
      .where("run_id", "=", row.id)
      .execute();
};

/** What still waits to be said to a run that ends is not said to it any more. */
const closeInputs = async (trx: Transaction<Database>, runId: RunId): Promise<void> => {
  await trx.updateTable("run_inputs").set({ state: "late" }).where("run_id", "=", runId).where("state", "=", "queued").execute();
};

const TRIES = 5;

/**
 * Does once more what met others who write to several of the same runs: of two who wait for each other PostgreSQL sends one away, having stored
 * nothing.
 */
export const evenIfMet = async <Result>(act: () => Promise<Result>): Promise<Result> => {
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      const cause: unknown = error instanceof CcrError ? error.cause : null;
      const hasMet = cause instanceof Error && /^40/.test(String(Reflect.get(cause, "code") ?? ""));
      if (!hasMet || tries === TRIES) throw error;
    }
  }
};

/** Tells the followers of runs that were moved, once that is committed. */
export const tellMoved = (feeds: Feeds, moved: readonly Moved[]): void => {
  for (const { row, stored } of moved) {
    feeds.publish(row.id, stored);
    feeds.noteStatus(toRun(row));
  }
};
