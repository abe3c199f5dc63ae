import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { leakWatch } from "./leaks.ts";
import { findPostgres, startPostgres } from "./postgres.ts";

const postgres = findPostgres();

test("starts a PostgreSQL that keeps what it has through stops and kills, and leaves nothing behind", async ({ skip }) => {
  if ("why" in postgres) return skip(postgres.why);
  const leaks = await leakWatch();
  let folder = "";
  {
    await using dumps = await temporaryFolder();
    await using server = await startPostgres();
    folder = await server.query("postgres", "show data_directory");
    expect(await server.query("postgres", "show fsync")).toBe("on");
    await using database = await server.createDatabase();
    const name = new URL(database.url).pathname.slice(1);
    await server.query(name, "create table numbers (n integer); insert into numbers values (1)");
    for (const end of [() => server.stop("fast"), () => server.stop("immediate"), () => server.kill()]) {
      expect(server.pid()).toBeGreaterThan(0);
      await end();
      expect(server.pid()).toBeNull();
      await expect(server.query(name, "select 1")).rejects.toThrow(/refused/);
      await server.start();
      await server.query(name, "insert into numbers select max(n) + 1 from numbers");
    }
    expect(await server.query(name, "select count(*) from numbers")).toBe("4");
    await database.dump(`${dumps.path}/all.sql`);
    expect(await readFile(`${dumps.path}/all.sql`, "utf8")).toMatch(/COPY public\.numbers[^\n]*\n1\n2\n3\n4\n/);
    await using other = await server.createDatabase();
    expect(other.url).not.toBe(database.url);
  }
  expect(existsSync(folder)).toBe(false);
  await leaks.assertNothingLeft();
});

test("sorts text as people do, so that whoever relies on the order of its codes is found out", async ({ skip }) => {
  if ("why" in postgres) return skip(postgres.why);
  await using server = await startPostgres({ fsync: false, settings: { max_connections: "7" } });
  expect(await server.query("postgres", "select string_agg(c, '' order by c) from unnest(array['B','a','_']) as c")).toBe("_aB");
  expect(await server.query("postgres", "show max_connections")).toBe("7");
});

test("says what PostgreSQL said when it does not start", async ({ skip }) => {
  if ("why" in postgres) return skip(postgres.why);
  await expect(startPostgres({ settings: { max_connections: "none" } })).rejects.toThrow(/did not start:[\s\S]*max_connections/);
});
