import type { AuditRecord } from "@ccr/protocol";
import type { Kysely } from "kysely";
import { holdRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { fromJson, toJson } from "./json.ts";
import type { Database } from "./schema.ts";
import type { AuditStore } from "./types.ts";

// Bounds the parameters of one statement.
const ROWS_AT_ONCE = 100;

export const createAuditStore = ({ db, commits }: { db: Kysely<Database>; commits: GroupCommit }): AuditStore => ({
  append: async (runId, fence, records) => {
    const rows = records.map((record) => ({
      run_id: runId,
      n: record.n,
      decision: record.decision,
      record: toJson(record, "The audit record"),
    }));
    const length = rows.reduce((sum, row) => sum + row.record.length, 0);
    await commits.run(length, async (trx) => {
      await holdRun(trx, runId, fence);
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        await trx
          .insertInto("audit_records")
          .values(rows.slice(from, from + ROWS_AT_ONCE))
          .onConflict((conflict) => conflict.columns(["run_id", "n"]).doNothing())
          .execute();
      }
    });
  },

  read: async (runId, { after, limit, refusedOnly = false }) => {
    const rows = await db
      .selectFrom("audit_records")
      .select("record")
      .where("run_id", "=", runId)
      .where("n", ">", after)
      .$if(refusedOnly, (query) => query.where("decision", "=", "refused"))
      .orderBy("n")
      .limit(limit)
      .execute();
    return rows.map((row) => fromJson<AuditRecord>(row.record));
  },

  newestRefused: async (runId, limit) => {
    const rows = await db
      .selectFrom("audit_records")
      .select("record")
      .where("run_id", "=", runId)
      .where("decision", "=", "refused")
      .orderBy("n", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => fromJson<AuditRecord>(row.record));
  },

  position: async (runId) => {
    const row = await db
      .selectFrom("audit_records")
      .select((eb) => eb.fn.max("n").as("n"))
      .where("run_id", "=", runId)
      .executeTakeFirst();
    return row?.n ?? 0;
  },
});
