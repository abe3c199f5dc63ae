import type { RunId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import type { Stored } from "./feed.ts";
import { toJson } from "./json.ts";
import type { Database, MessageTable } from "./schema.ts";
import { SpoolGapError } from "./types.ts";

// Rows of one insert: beyond some dozens, a longer statement gains nothing.
const ROWS_AT_ONCE = 50;

/** A message that has no place in the run yet. */
type Unplaced = Stored["message"] extends infer Message
  ? Message extends unknown
    ? Omit<Message, "runId" | "seq">
    : never
  : never;

/** A message to store, with its number at its origin. */
export type Entry = { message: Unplaced; body: string; number: number | null };

/** Where messages were numbered before they come here; see `MessageTable`. */
export type Origin = NonNullable<MessageTable["origin"]>;

export const lengthOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entry.body.length, 0);

export const encode = (message: Unplaced, number: number | null, what = "A message"): Entry => ({
  message,
  body: toJson(message.body, what),
  number,
});

/** The entries that follow `position` and are not stored yet. Throws `SpoolGapError` when one is missing before or between them. */
export const following = (entries: readonly Entry[], position: number, origin: Origin): Entry[] => {
  let last = position;
  return entries.filter(({ number }) => {
    if (number === null || number <= last) return false;
    if (number !== last + 1) {
      throw new SpoolGapError(`What comes from ${origin} is stored up to ${last}; number ${number} does not follow it.`);
    }
    last = number;
    return true;
  });
};

/** Inserts messages with the seqs after `place.seq`, which the caller holds. */
export const insertAfter = async (
  trx: Transaction<Database>,
  entries: readonly Entry[],
  place: { runId: RunId; origin: Origin | null; seq: number },
): Promise<Stored[]> => {
  const rows = entries.map(
    ({ message, body, number }, index): MessageTable => ({
      run_id: place.runId,
      seq: place.seq + 1 + index,
      at: message.at,
      source: message.source,
      origin: place.origin,
      origin_seq: number,
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
