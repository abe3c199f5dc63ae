import { checkoutsOf, FINAL_STATUSES } from "@ccr/protocol";
import type { Kysely } from "kysely";
import { deliveryColumns } from "./patches.ts";
import { toRun } from "./rows.ts";
import type { Database } from "./schema.ts";
import type { DeliveryStore } from "./types.ts";

// A branch that more runs than this were delivered to is one that only grows.
const LISTED_MAX = 100;

/** What finds at least those rows whose JSON names a repository: in a pattern, an underscore is any character, and a backslash none in itself. */
const namesIn = (repository: string): string => `%"repository":${JSON.stringify(repository).replaceAll("\\", "_")}%`;

export const createDeliveryStore = ({ db }: { db: Kysely<Database> }): DeliveryStore => ({
  save: async (id, deliveries) => {
    const row = await db
      .updateTable("runs")
      .set(deliveryColumns(deliveries))
      .where("id", "=", id)
      .where("status", "in", FINAL_STATUSES)
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? null : toRun(row);
  },

  list: async ({ repository, branch }) => {
    const rows = await db
      .selectFrom("runs")
      .selectAll()
      .where("branch", "=", branch)
      .where((eb) => eb.or([eb("repository", "=", repository), eb("additional", "like", namesIn(repository))]))
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(LISTED_MAX)
      .execute();
    return rows.flatMap((row) =>
      checkoutsOf(toRun(row)).flatMap((one) => (one.repository === repository && one.delivered !== null ? [one.delivered] : [])),
    );
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
