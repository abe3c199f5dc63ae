import { CcrError, type RunId } from "@ccr/protocol";
import type { Kysely, Transaction } from "kysely";
import { noteSpending } from "./budgets.ts";
import type { Engine } from "./engine.ts";
import { type Entry, encode, following, insertAfter, lengthOf, type Origin } from "./entries.ts";
import type { Feeds } from "./feeds.ts";
import { holdRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { moveInputs } from "./inputs.ts";
import { readPage } from "./pages.ts";
import { patchColumns } from "./patches.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import type { RunPatch, Transcript } from "./types.ts";

// One page of `read` in UTF-16 code units; see its docstring.
const READ_LENGTH = 16 * 1024 * 1024;

const positionOf = async (db: Kysely<Database>, runId: RunId, origin: Origin): Promise<number> => {
  const row = await db
    .selectFrom("messages")
    .select((eb) => eb.fn.max("origin_seq").as("position"))
    .where("run_id", "=", runId)
    .where("origin", "=", origin)
    .where("origin_seq", "is not", null) // so that the index by origin answers
    .executeTakeFirst();
  return row?.position ?? 0;
};

/**
 * A number that is taken is left out because its message is stored; were that another message, this one would be lost in silence. Only
 * our own are looked at: what a spool holds is written once.
 */
const checkSame = async (
  trx: Transaction<Database>,
  runId: RunId,
  { origin, taken }: { origin: Origin; taken: readonly Entry[] },
) => {
  for (const { number, body } of taken) {
    const stored = await trx
      .selectFrom("messages")
      .select("body")
      .where("run_id", "=", runId)
      .where("origin", "=", origin)
      .where("origin_seq", "=", number)
      .executeTakeFirst();
    if (stored?.body === body) continue;
    throw new CcrError("conflict", `${runId} has another message with the number ${number} of ${origin}. Nothing was stored.`);
  }
};

export const createTranscript = (parts: { engine: Engine; commits: GroupCommit; feeds: Feeds; now: Clock }): Transcript => {
  const { engine, commits, feeds, now } = parts;
  const { db } = engine;

  const append = async (
    runId: RunId,
    fence: number,
    batch: { origin: Origin; entries: Entry[]; patch: RunPatch | undefined },
  ) => {
    const { origin, entries, patch } = batch;
    const { stored, lastSeq } = await commits.run(lengthOf(entries), async (trx, changed) => {
      // Most of the time all are new, and the run's row is written once.
      const last = await holdRun(trx, runId, fence, entries.length);
      const position = await positionOf(trx, runId, origin);
      const fresh = following(entries, position, origin);
      if (fresh.length < entries.length) {
        await holdRun(trx, runId, fence, fresh.length - entries.length);
        if (origin === `fence:${fence}`)
          await checkSame(trx, runId, { origin, taken: entries.slice(0, -fresh.length || undefined) });
      }
      const seq = last - entries.length;
      if (fresh.length > 0) changed(runId);
      // With messages that are all stored, the patch is stored as well, and what was written since must stay.
      const isNews = fresh.length > 0 || entries.length === 0;
      const patched = patch !== undefined && isNews ? patchColumns(patch) : {};
      // What runs cost is told with the messages that tell it, and with nothing else.
      if (patch?.usage !== undefined && isNews) await noteSpending(trx, { runId, costUsd: patch.usage.costUsd, at: now() });
      if (Object.keys(patched).length > 0) await trx.updateTable("runs").set(patched).where("id", "=", runId).execute();
      // Moved together with the first of what is told of it: all of it was stored then, or nothing.
      if (isNews) await moveInputs(trx, runId, patch?.inputs ?? []);
      return { stored: await insertAfter(trx, fresh, { runId, origin, seq }), lastSeq: seq + fresh.length };
    });
    feeds.publish(runId, stored);
    // What an earlier try has stored without learning of it was told to nobody.
    if (stored.length < entries.length) feeds.noteLast(runId, lastSeq);
    return stored.map(({ message }) => message);
  };

  return {
    append: async (runId, fence, { first, messages, patch }) => {
      const at = now().toISOString();
      const entries = messages.map((message, index) => encode({ at, ...message }, first + index));
      return append(runId, fence, { origin: `fence:${fence}`, entries, patch });
    },

    appendSpooled: async (runId, fence, { instanceId, events, patch }) => {
      const entries = events.map(({ seq, ...message }) => encode(message, seq, `The spool's event ${seq}`));
      return append(runId, fence, { origin: instanceId, entries, patch });
    },

    spoolPosition: (runId, instanceId) => positionOf(db, runId, instanceId),

    read: (runId, { after, limit }) => readPage(db, runId, { after, limit, maxLength: READ_LENGTH }),

    follow: (runId, range, signal) => feeds.follow(runId, range, signal),
  };
};
