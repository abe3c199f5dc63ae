import type { InstanceId, RunId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import type { Stored } from "./feed.ts";
import { toJson } from "./json.ts";
import type { Database, MessageTable } from "./schema.ts";

// Rows of one insert: beyond some dozens, a longer statement gains nothing.
const ROWS_AT_ONCE = 50;

/** A message that has no place in the run yet. */
type Unplaced = Stored["message"] extends infer Message
  ? Message extends unknown
    ? Omit<Message, "runId" | "seq">
    : never
  : never;
export type Entry = { message: Unplaced; body: string; spoolSeq: number | null };

export const lengthOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entry.body.length, 0);

export const encode = (message: Unplaced, spoolSeq: number | null): Entry => ({
  message,
  body: toJson(message.body, spoolSeq === null ? "A message" : `The spool's event ${spoolSeq}`),
  spoolSeq,
});

/** Inserts messages with the seqs after `place.seq`, which the caller holds. */
export const insertAfter = async (
  trx: Transaction<Database>,
  entries: readonly Entry[],
  place: { runId: RunId; instanceId: InstanceId | null; seq: number },
): Promise<Stored[]> => {
  const rows = entries.map(
    ({ message, body, spoolSeq }, index): MessageTable => ({
      run_id: place.runId,
      seq: place.seq + 1 + index,
      at: message.at,
      source: message.source,
      instance_id: place.instanceId,
      spool_seq: spoolSeq,
      body_length: body.length,
      body,
    }),
  );
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    await trx
      .insertInto("messages")
      .values(rows.slice(from, from + ROWS_AT_ONCE))
      .execute();
  }
  return entries.map(({ message, body }, index) => ({
    message: { runId: place.runId, seq: place.seq + 1 + index, ...message },
    length: body.length,
  }));
};
