import type { InstanceId, RunId } from "@ccr/protocol";
import type { Transaction } from "kysely";
import type { Engine } from "./engine.ts";
import { type Entry, encode, insertAfter, lengthOf } from "./entries.ts";
import type { Stored } from "./feed.ts";
import type { Feeds } from "./feeds.ts";
import { holdRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { readPage } from "./pages.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import { SpoolGapError, type Transcript } from "./types.ts";

// One page of `read` in UTF-16 code units; see its docstring.
const READ_LENGTH = 16 * 1024 * 1024;
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
