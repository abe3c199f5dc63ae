import { CcrError, isFinal, type RunId, type RunInput } from "@ccr/protocol";
import type { Kysely, Selectable, Transaction } from "kysely";
import type { Changes } from "./changes.ts";
import { noSuchRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Ids } from "./ids.ts";
import { fromJson, toJson } from "./json.ts";
import { evenIfMet } from "./moves.ts";
import { createRunListeners } from "./run-listeners.ts";
import type { Database, RunInputTable } from "./schema.ts";
import type { Clock } from "./tasks.ts";
import { InputChangedError, type InputMove, type InputStore } from "./types.ts";

// What waits to be taken is read as a whole; nobody types more.
const QUEUED_MAX = 1000;

const toInput = ({ id, run_id, body, state, revision, created_at }: Selectable<RunInputTable>): RunInput => ({
  id,
  runId: run_id,
  body: fromJson(body),
  state,
  revision,
  createdAt: created_at,
});

/** Makes these moves, as a part of a transaction of whoever drives the run. Throws `InputChangedError`, upon which that is to be rolled back. */
export const moveInputs = async (trx: Transaction<Database>, runId: RunId, moves: readonly InputMove[]): Promise<void> => {
  for (const { id, revision, to } of moves) {
    const { numUpdatedRows } = await trx
      .updateTable("run_inputs")
      .set({ state: to })
      .where("id", "=", id)
      .where("run_id", "=", runId)
      .where("state", "=", "queued")
      .where("revision", "=", revision)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) continue;
    // A try before this one may have been stored without anybody learning of it.
    const now = await trx.selectFrom("run_inputs").select(["state", "revision"]).where("id", "=", id).executeTakeFirst();
    if (now?.state !== to || now.revision !== revision) throw new InputChangedError(`${id} was changed or taken back.`);
  }
};

export const createInputStore = (parts: {
  db: Kysely<Database>;
  commits: GroupCommit;
  changes: Pick<Changes, "listen">;
  ids: Ids;
  now: Clock;
}): InputStore => {
  const { db, commits, ids, now } = parts;
  const { listen, tell } = createRunListeners(parts.changes);

  /** Others hear of it as of any change of the run. */
  const write = async <Result>(
    runId: RunId,
    length: number,
    act: (trx: Transaction<Database>) => Promise<Result>,
  ): Promise<Result> => {
    const result = await evenIfMet(() =>
      commits.run(length, async (trx, changed) => {
        changed(runId);
        return act(trx);
      }),
    );
    tell(runId);
    return result;
  };

  return {
    add: async (runId, body, idempotencyKey, also = []) => {
      const [text = "", ...more] = [body, ...also].map((each) => toJson(each, "What was said"));
      return write(runId, text.length, async (trx) => {
        // The row is locked by this until the transaction ends: a run that ends now does so before or after, and nobody says the same beside us.
        const run = await trx
          .updateTable("runs")
          .set((eb) => ({ last_seq: eb.ref("last_seq") }))
          .where("id", "=", runId)
          .returning("status")
          .executeTakeFirst();
        if (run === undefined) throw noSuchRun(runId);
        const keep = async (said: string, key: string | null): Promise<RunInput> => {
          const row = { id: ids.input(), run_id: runId, body: said, state: "queued" as const, revision: 1 };
          const created = { ...row, created_at: now().toISOString(), idempotency_key: key };
          return toInput(await trx.insertInto("run_inputs").values(created).returningAll().executeTakeFirstOrThrow());
        };
        const findBy = (key: string) =>
          trx
            .selectFrom("run_inputs")
            .selectAll()
            .where("run_id", "=", runId)
            .where("idempotency_key", "=", key)
            .executeTakeFirst();
        /** What goes with it has a key of its own, which nobody else gives: it may be said later than the rest. */
        const keepMore = async (): Promise<void> => {
          for (const [index, each] of more.entries()) {
            const key = idempotencyKey === null ? null : `${idempotencyKey}\u001f${index + 1}`;
            if (key === null || (await findBy(key)) === undefined) await keep(each, key);
          }
        };
        if (idempotencyKey !== null) {
          const known = await findBy(idempotencyKey);
          if (known !== undefined && known.revision === 1 && known.body !== text)
            throw new CcrError("conflict", "This idempotency key belongs to other words. Use another key for other words.");
          if (known?.state === "withdrawn")
            throw new CcrError("conflict", "This was taken back. Say it under another key, and it is told.");
          // What came too late was told to nobody.
          if (known?.state === "late") return null;
          if (known?.state === "queued") await keepMore();
          if (known !== undefined) return toInput(known);
        }
        if (isFinal(run.status)) return null;
        const input = await keep(text, idempotencyKey);
        await keepMore();
        return input;
      });
    },

    edit: async (runId, { id, revision, text }) => {
      const body = toJson({ kind: "prompt", text }, "What was said");
      const row = await write(runId, body.length, (trx) =>
        trx
          .updateTable("run_inputs")
          .set({ body, revision: revision + 1 })
          .where("id", "=", id)
          .where("run_id", "=", runId)
          .where("state", "=", "queued")
          .where("revision", "=", revision)
          .where("body", "like", '{"kind":"prompt"%')
          .returningAll()
          .executeTakeFirst(),
      );
      return row === undefined ? null : toInput(row);
    },

    withdraw: async (runId, id) => {
      const row = await write(runId, 0, (trx) =>
        trx
          .updateTable("run_inputs")
          .set({ state: "withdrawn" })
          .where("id", "=", id)
          .where("run_id", "=", runId)
          .where("state", "=", "queued")
          .where("body", "like", '{"kind":"prompt"%')
          .returningAll()
          .executeTakeFirst(),
      );
      return row === undefined ? null : toInput(row);
    },

    listQueued: async (runId) => {
      const rows = await db
        .selectFrom("run_inputs")
        .selectAll()
        .where("run_id", "=", runId)
        .where("state", "=", "queued")
        .orderBy("id")
        .limit(QUEUED_MAX)
        .execute();
      return rows.map(toInput);
    },

    list: async (runId, limit) => {
      const rows = await db
        .selectFrom("run_inputs")
        .selectAll()
        .where("run_id", "=", runId)
        .orderBy("id", "desc")
        .limit(limit)
        .execute();
      return rows.map(toInput);
    },

    listen,
  };
};
