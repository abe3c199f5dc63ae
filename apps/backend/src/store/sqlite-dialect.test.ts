import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "@ccr/testkit";
import { Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";

const openPair = async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = folder.join("pair.db");
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; create table things (name text primary key)");
  const db = new Kysely<{ things: { name: string } }>({ dialect: nodeSqliteDialect(database, path) });
  stack.defer(() => db.destroy());
  const other = stack.use(new DatabaseSync(path, { timeout: 0 }));
  const rest = stack.move();
  return { db, other, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

test("a transaction holds the write lock from its beginning, so that what it reads stays true until it writes", async () => {
  await using pair = await openPair();
  const write = () => pair.other.exec("insert into things values ('other')");
  await pair.db.transaction().execute(async (trx) => {
    expect(write).toThrow("database is locked");
    await trx.insertInto("things").values({ name: "ours" }).execute();
  });
  write();
  expect(await pair.db.selectFrom("things").select("name").orderBy("name").execute()).toEqual([
    { name: "other" },
    { name: "ours" },
  ]);
});

test("a transaction that fails leaves nothing behind, and its own error is what comes out", async () => {
  await using pair = await openPair();
  const failing = pair.db.transaction().execute(async (trx) => {
    await trx.insertInto("things").values({ name: "a" }).execute();
    await trx.insertInto("things").values({ name: "a" }).execute();
  });
  await expect(failing).rejects.toMatchObject({ code: "conflict", cause: { errcode: 1555 } });
  expect(await pair.db.selectFrom("things").selectAll().execute()).toEqual([]);
});

test("says which statement's value SQLite cannot hold instead of storing something else", async () => {
  await using pair = await openPair();
  await expect(sql`insert into things values (${{ an: "object" }})`.execute(pair.db)).rejects.toThrow(
    "SQLite has no value for a object",
  );
  await expect(sql`insert into nowhere values (1)`.execute(pair.db)).rejects.toMatchObject({
    code: "internal",
    message: expect.stringContaining("no such table: nowhere"),
  });
});
