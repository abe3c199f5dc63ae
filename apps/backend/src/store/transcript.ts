import type { InstanceId, RunId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import type { Engine } from "./engine.ts";
import type { Stored } from "./feed.ts";
import type { Feeds } from "./feeds.ts";
import { holdRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { toJson } from "./json.ts";
import { readPage } from "./pages.ts";
import type { Database, MessageTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import { SpoolGapError, type Transcript } from "./types.ts";

// One page of `read` in UTF-16 code units; see its docstring.
const READ_LENGTH = 16 * 1024 * 1024;
// Rows of one insert: beyond some dozens, a longer statement gains nothing.
const ROWS_AT_ONCE = 50;

/** A message that has no place in the run yet. */
type Unplaced = Stored["message"] extends infer Message
  ? Message extends unknown
    ? Omit<Message, "runId" | "seq">
    : never
  : never;
type Entry = { message: Unplaced; body: string; spoolSeq: number | null };

const lengthOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entry.body.length, 0);

const encode = (message: Unplaced, spoolSeq: number | null): Entry => ({
  message,
  body: toJson(message.body, spoolSeq === null ? "A message" : `The spool's event ${spoolSeq}`),
  spoolSeq,
});

const insertAfter = async (
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

const spoolPosition = async (db: Engine["db"], runId: RunId, instanceId: InstanceId): Promise<number> => {
  const row = await db
    .selectFrom("messages")
    .select((eb) => eb.fn.max("spool_seq").as("position"))
    .where("run_id", "=", runId)
    .where("instance_id", "=", instanceId)
    .where("spool_seq", "is not", null) // so that the index by origin answers
    .executeTakeFirst();
  return row?.position ?? 0;
};

/** The entries that follow `position` and are not stored yet. Throws `SpoolGapError` when one is missing before or between them. */
const following = (entries: readonly Entry[], position: number, instanceId: InstanceId): Entry[] => {
  let last = position;
  return entries.filter(({ spoolSeq }) => {
    if (spoolSeq === null || spoolSeq <= last) return false;
    if (spoolSeq !== last + 1) {
      throw new SpoolGapError(`The spool of ${instanceId} is stored up to ${last}; event ${spoolSeq} does not follow it.`);
    }
    last = spoolSeq;
    return true;
  });
};

export const createTranscript = (parts: { engine: Engine; commits: GroupCommit; feeds: Feeds; now: Clock }): Transcript => {
  const { engine, commits, feeds, now } = parts;
  const { db } = engine;

  const commit = async (runId: RunId, length: number, write: (trx: Transaction<Database>) => Promise<Stored[]>) => {
    const stored = await commits.run(length, write);
    feeds.publish(runId, stored);
    return stored.map(({ message }) => message);
  };

  return {
    append: async (runId, fence, messages) => {
      const at = now().toISOString();
      const entries = messages.map((message) => encode({ at, ...message }, null));
      return commit(runId, lengthOf(entries), async (trx) => {
        const last = await holdRun(trx, runId, fence, entries.length);
        return insertAfter(trx, entries, { runId, instanceId: null, seq: last - entries.length });
      });
    },

    appendSpooled: async (runId, fence, { instanceId, events }) => {
      const entries = events.map(({ seq, ...message }) => encode(message, seq));
      return commit(runId, lengthOf(entries), async (trx) => {
        await holdRun(trx, runId, fence);
        const fresh = following(entries, await spoolPosition(trx, runId, instanceId), instanceId);
        if (fresh.length === 0) return [];
        const last = await holdRun(trx, runId, fence, fresh.length);
        return insertAfter(trx, fresh, { runId, instanceId, seq: last - fresh.length });
      });
    },

    spoolPosition: (runId, instanceId) => spoolPosition(db, runId, instanceId),

    read: (runId, { after, limit }) => readPage(db, runId, { after, limit, maxLength: READ_LENGTH }),

    follow: (runId, range, signal) => feeds.follow(runId, range, signal),
  };
};
