import { hostsNamed, isFinal, namesHost, withHost } from "@ccr/protocol";
import type { Kysely } from "kysely";
import type { AllowedHostStore } from "./allowed-host-types.ts";
import type { Changes } from "./changes.ts";
import { insertAfter, lengthOf } from "./entries.ts";
import type { Feeds } from "./feeds.ts";
import { noSuchRun } from "./fence.ts";
import type { GroupCommit } from "./group-commit.ts";
import { fromJson } from "./json.ts";
import { entriesOf, type Moved, tellMoved } from "./moves.ts";
import { allowedHostsColumn } from "./new-run.ts";
import { toRun } from "./rows.ts";
import { createRunListeners } from "./run-listeners.ts";
import type { Database } from "./schema.ts";
import type { Clock } from "./tasks.ts";

type Added = Awaited<ReturnType<AllowedHostStore["add"]>>;

export const createAllowedHostStore = (parts: {
  db: Kysely<Database>;
  commits: GroupCommit;
  changes: Pick<Changes, "listen">;
  feeds: Feeds;
  now: Clock;
}): AllowedHostStore => {
  const { db, commits, feeds, now } = parts;
  const { listen, tell } = createRunListeners(parts.changes);
  return {
    add: async (runId, host, { most, message }) => {
      const entries = entriesOf({ message }, now);
      const { result, moved } = await commits.run(
        lengthOf(entries),
        async (trx, changed): Promise<{ result: Added; moved: Moved[] }> => {
          // The row is locked by this until the transaction ends: nobody adds another one beside us, and a run that ends now does so before or after.
          const row = await trx
            .updateTable("runs")
            .set((eb) => ({ last_seq: eb.ref("last_seq") }))
            .where("id", "=", runId)
            .returningAll()
            .executeTakeFirst();
          if (row === undefined) throw noSuchRun(runId);
          const { status } = row;
          if (isFinal(status) || status === "canceling") return { result: { kind: "ended", status }, moved: [] };
          const run = toRun(row);
          if (namesHost(run.allowedHosts, host)) return { result: { kind: "allowed", run }, moved: [] };
          if (hostsNamed(run.allowedHosts) >= most) return { result: { kind: "full" }, moved: [] };
          const added = await trx
            .updateTable("runs")
            .set({
              allowed_hosts: allowedHostsColumn(withHost(run.allowedHosts, host)),
              last_seq: row.last_seq + entries.length,
            })
            .where("id", "=", runId)
            .returningAll()
            .executeTakeFirstOrThrow();
          const stored = await insertAfter(trx, entries, { runId, origin: null, seq: row.last_seq });
          changed(runId);
          return { result: { kind: "allowed", run: toRun(added) }, moved: [{ row: added, stored }] };
        },
      );
      tellMoved(feeds, moved);
      if (moved.length > 0) tell(runId);
      return result;
    },

    list: async (runId) => {
      const row = await db.selectFrom("runs").select("allowed_hosts").where("id", "=", runId).executeTakeFirst();
      if (row === undefined) throw noSuchRun(runId);
      return row.allowed_hosts === null ? [] : fromJson(row.allowed_hosts);
    },

    listen,
  };
};
