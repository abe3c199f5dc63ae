import type { Message, RunId } from "@ccr/protocol";
import type { Kysely } from "kysely";
import { toMessage } from "./rows.ts";
import type { Database } from "./schema.ts";

export type PageRange = { after: number; limit: number /** Of all bodies together, in UTF-16 code units. */; maxLength: number };

/** The messages that follow `after`, at most `limit`, and no more than fit `maxLength`, but one at least when there is one. */
export const readPage = async (
  db: Kysely<Database>,
  runId: RunId,
  { after, limit, maxLength }: PageRange,
): Promise<Message[]> => {
  const sizes = await db
    .selectFrom("messages")
    .select(["seq", "body_length"])
    .where("run_id", "=", runId)
    .where("seq", ">", after)
    .orderBy("seq")
    .limit(limit)
    .execute();
  let last = after;
  let length = 0;
  for (const size of sizes) {
    length += size.body_length;
    if (last > after && length > maxLength) break;
    last = size.seq;
  }
  if (last === after) return [];
  // A stored message never changes, so what was measured is what is read.
  const rows = await db
    .selectFrom("messages")
    .select(["run_id", "seq", "at", "source", "body"])
    .where("run_id", "=", runId)
    .where("seq", ">", after)
    .where("seq", "<=", last)
    .orderBy("seq")
    .execute();
  return rows.map(toMessage);
};
