import { temporaryFolder } from "@ccr/testkit";
import { Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { openDatabase } from "../sqlite-database.ts";
import { nodeSqliteDialect } from "../sqlite-dialect.ts";
import { budgets } from "./0015-budgets.ts";

test("what runs cost before is charged to the day on which they ended, or else began", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("ccr.db");
  const db = new Kysely<{ spending: { run_id: string; at: string; cost_usd: number } }>({
    dialect: nodeSqliteDialect(await openDatabase(path, 1000), path),
  });
  try {
    await sql`create table runs (id text, created_at text, started_at text, ended_at text, cost_usd real)`.execute(db);
    await sql`insert into runs values ('ended', '1', '2', '3', 0.5), ('going', '1', '2', null, 2), ('queued', '1', null, null, 0)`.execute(
      db,
    );
    await budgets.up(db);
    expect(await db.selectFrom("spending").selectAll().orderBy("run_id").execute()).toEqual([
      { run_id: "ended", at: "3", cost_usd: 0.5 },
      { run_id: "going", at: "2", cost_usd: 2 },
    ]);
  } finally {
    await db.destroy();
  }
});
