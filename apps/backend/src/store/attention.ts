import type { Kysely } from "kysely";
import { toListed } from "./listing.ts";
import { type AttentionStore, ENDED_BADLY } from "./listing-types.ts";
import type { Database } from "./schema.ts";

export const createAttentionStore = ({ db }: { db: Kysely<Database> }): AttentionStore => ({
  list: async ({ endedAfter, limit }) => {
    const found = await Promise.all(
      ENDED_BADLY.map((status) =>
        db
          .selectFrom("runs")
          .selectAll()
          .where("status", "=", status)
          .where("is_dismissed", "=", 0)
          .where("ended_at", ">", endedAfter)
          .where((eb) => eb.or([eb("batch_mark", "is", null), eb("batch_mark", "!=", "replaced")]))
          // What could not be pushed, and was later, is done.
          .where((eb) => eb.or([eb("reason", "is", null), eb("reason", "!=", "push_failed"), eb("is_delivered", "=", 0)]))
          .orderBy("ended_at", "desc")
          .orderBy("id", "desc")
          .limit(limit)
          .execute(),
      ),
    );
    const key = (run: { ended_at: string | null; id: string }): string => `${run.ended_at} ${run.id}`;
    return found
      .flat()
      .toSorted((one, other) => (key(one) < key(other) ? 1 : -1))
      .slice(0, limit)
      .map(toListed);
  },

  dismiss: async (ids, dismissed) => {
    if (ids.length === 0) return 0;
    const { numUpdatedRows } = await db
      .updateTable("runs")
      .set({ is_dismissed: dismissed ? 1 : 0 })
      .where("id", "in", ids)
      .where("status", "in", ENDED_BADLY)
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  },
});
