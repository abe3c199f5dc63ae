import { type Delivered, FINAL_STATUSES } from "@ccr/protocol";
import type { Kysely } from "kysely";
import { fromJson } from "./json.ts";
import { deliveredColumns } from "./patches.ts";
import { toRun } from "./rows.ts";
import type { Database } from "./schema.ts";
import type { DeliveryStore } from "./types.ts";

// A branch that more runs than this were delivered to is one that only grows.
const LISTED_MAX = 100;

export const createDeliveryStore = ({ db }: { db: Kysely<Database> }): DeliveryStore => ({
  save: async (id, delivered) => {
    const row = await db
      .updateTable("runs")
      .set(deliveredColumns(delivered))
      .where("id", "=", id)
      .where("status", "in", FINAL_STATUSES)
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? null : toRun(row);
  },

  list: async ({ repository, branch }) => {
    const rows = await db
      .selectFrom("runs")
      .select("delivered")
      .where("branch", "=", branch)
      .where("repository", "=", repository)
      .where("delivered", "is not", null)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(LISTED_MAX)
      .execute();
    return rows.flatMap(({ delivered }) => (delivered === null ? [] : [fromJson<Delivered>(delivered)]));
  },

  listFollowed: async () => {
    const rows = await db
      .selectFrom("runs")
      .selectAll()
      .where("is_followed", "=", 1)
      .where("status", "in", FINAL_STATUSES)
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(toRun);
  },

  listContinuing: async (id) => {
    const rows = await db
      .selectFrom("runs")
      .selectAll()
      .where("continues", "=", id)
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(toRun);
  },
});
