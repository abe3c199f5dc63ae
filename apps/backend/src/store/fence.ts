import { CcrError, FINAL_STATUSES, isFinal, type RunId } from "@ccr/protocol";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "./schema.ts";
import { FenceLostError } from "./types.ts";

/**
 * Adds `messages` to the run's last seq if the fencing number is the run's and the run is not final, and gives the new last seq; the
 * run's row stays locked until the transaction ends. Throws `FenceLostError`, or `CcrError` with `not_found`.
 */
export const holdRun = async (trx: Transaction<Database>, id: RunId, fence: number, messages = 0): Promise<number> => {
  const held = await trx
    .updateTable("runs")
    .set((eb) => ({ last_seq: eb("last_seq", "+", messages) }))
    .where("id", "=", id)
    .where("fence", "=", fence)
    .where("status", "not in", FINAL_STATUSES)
    .returning("last_seq")
    .executeTakeFirst();
  return held === undefined ? refuse(trx, id, fence) : held.last_seq;
};

/** Says why a run could not be written with this fencing number. */
export const refuse = async (db: Kysely<Database>, id: RunId, fence: number): Promise<never> => {
  const run = await db.selectFrom("runs").select(["status", "fence"]).where("id", "=", id).executeTakeFirst();
  if (run === undefined) throw noSuchRun(id);
  if (isFinal(run.status)) throw new FenceLostError(`${id} has ended (${run.status}): nothing can be written to it any more.`);
  throw new FenceLostError(`${id} is driven by somebody else now: its fencing number is ${run.fence}, not ${fence}.`);
};

export const noSuchRun = (id: RunId): CcrError => new CcrError("not_found", `There is no run ${id}.`);
