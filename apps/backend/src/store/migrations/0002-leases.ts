import { FINAL_STATUSES } from "@ccr/protocol";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What a run needs to wait in a queue, and to be driven by one server after another. */
const runs = async (db: Kysely<unknown>): Promise<void> => {
  // One statement each: SQLite adds one column at a time.
  for (const name of ["priority", "lease_beat", "active_ms"]) {
    await db.schema
      .alterTable("runs")
      .addColumn(name, "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  }
  for (const name of ["owner", "progress"]) await db.schema.alterTable("runs").addColumn(name, "text").execute();
  await db.schema.createIndex("runs_by_queue").on("runs").columns(["status", "priority desc", "created_at", "id"]).execute();
  await db.schema.createIndex("runs_by_reason").on("runs").columns(["status", "reason"]).execute();
  await db.schema.createIndex("runs_by_end").on("runs").columns(["ended_at", "id"]).where("ended_at", "is not", null).execute();
  // Runs had no limit on their steps yet. Their limits are an object that is not empty, written without a space.
  await sql`update runs set limits = '{"stepSeconds":null,' || substr(limits, 2)`.execute(db);
};

/** A reason has another name. The runs are still found by the old one when their messages are looked at. */
const renameReason = async (db: Kysely<unknown>): Promise<void> => {
  // In JSON the quotes of a text are escaped, so that this is found nowhere but in a field.
  const [before, after] = ['"reason":"server_restarted"', '"reason":"server_lost"'];
  await sql`
    update messages set body = replace(body, ${before}, ${after}), body_length = body_length - ${sql.lit(before.length - after.length)}
    where source = 'runner' and body like '{"type":"status",%' and body like ${`%${before}%`}
      and run_id in (select id from runs where reason = 'server_restarted')`.execute(db);
  await sql`update runs set reason = 'server_lost' where reason = 'server_restarted'`.execute(db);
};

/** Messages of our own get a number from whoever appends them, as those of a spool have one there. */
const messages = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema.alterTable("messages").renameColumn("instance_id", "origin").execute();
  await db.schema.alterTable("messages").renameColumn("spool_seq", "origin_seq").execute();
};

/** Each sandbox is looked after by one server, on one machine. Of those that are there already neither is known: nobody is called that. */
const instances = async (db: Kysely<unknown>): Promise<void> => {
  const place = JSON.stringify({ machine: "", root: "", doors: "" });
  await db.schema
    .alterTable("instances")
    .addColumn("server", "text", (column) => column.notNull().defaultTo("srv_0000000000"))
    .execute();
  await db.schema
    .alterTable("instances")
    .addColumn("place", "text", (column) => column.notNull().defaultTo(place))
    .execute();
  // Nobody comes back to the sandbox of a run that has ended. One that is left all the same is found by its driver, as nobody's.
  await sql`
    update instances set status = 'stopped', stopped_at = (select coalesce(ended_at, created_at) from runs where id = run_id)
    where status <> 'stopped' and run_id in (select id from runs where status in (${sql.join(FINAL_STATUSES)}))`.execute(db);
  await db.schema.dropIndex("instances_by_run").execute();
  await db.schema.dropIndex("instances_by_status").execute();
  await db.schema.createIndex("instances_by_run").on("instances").columns(["run_id", "created_at", "id"]).execute();
  // The stopped are many and the others few: those have indexes of their own.
  const going = (name: string, columns: string[]) =>
    db.schema.createIndex(name).on("instances").columns(columns).where(sql.ref("stopped_at"), "is", null).execute();
  await going("instances_going", ["created_at", "id"]);
  await going("instances_going_by_server", ["server", "created_at", "id"]);
};

/** One row that is written to find out whether anything can be written. */
const pulse = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable("pulse")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("at", "text", (column) => column.notNull())
    .execute();
};

export const leases: Migration = {
  up: async (db) => {
    await runs(db);
    await renameReason(db);
    await messages(db);
    await instances(db);
    await pulse(db);
  },
};
