import type { RunId } from "@ccr/protocol";
import { findPostgres, waitFor } from "@ccr/testkit";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { Pool } from "pg";
import { describe, expect, test } from "vitest";
import { initial } from "./migrations/0001-initial.ts";
import { openPostgresStore, postgresName } from "./postgres.ts";
import { LIMITS, openConnections, parseAddress } from "./postgres-connections.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import type { Database } from "./schema.ts";
import { claimRun, createTask, errorOf, ids, newRun, note, notes, own, queueRun, range } from "./suite/place.ts";
import { usePostgres } from "./suite/postgres-place.ts";

const found = findPostgres();

describe.skipIf("why" in found)("store in PostgreSQL alone", () => {
  const { open, server } = usePostgres();
  const nameOf = (url: string) => new URL(url).pathname.slice(1);
  const query = (url: string, sql: string) => server().query(nameOf(url), sql);
  const refusal = (url: string) => errorOf(openPostgresStore({ url, limits: { connectMs: 2000 } }));

  /** Every word that a person could see of an error. */
  const wordsOf = (error: unknown): string =>
    error instanceof Error ? `${error.message} ${JSON.stringify(error)} ${error.stack} ${wordsOf(error.cause)}` : String(error);

  test("many that open a new database at once all get a store on the same schema", async () => {
    await using stack = new AsyncDisposableStack();
    const { url } = stack.use(await server().createDatabase());
    const stores = await Promise.all(range(1, 8).map(async () => stack.use(await openPostgresStore({ url }))));
    const made = await Promise.all(stores.map((store) => createTask(store)));
    expect((await stores[0]?.tasks.list())?.map(({ id }) => id).toSorted()).toEqual(made.map(({ id }) => id).toSorted());
    expect(await query(url, "select count(*) = count(distinct name) and count(*) >= 2 from kysely_migration")).toBe("t");
  });

  test("brings a database of the first version up to date, also for many at once", async () => {
    await using stack = new AsyncDisposableStack();
    const { url } = stack.use(await server().createDatabase());
    const runId = ids.run();
    {
      const pool = new Pool({ connectionString: url });
      await using db = new Kysely<Database>({ dialect: postgresDialect({ pool, name: "old", close: () => pool.end() }) });
      const provider = { getMigrations: async () => ({ "0001-initial": initial }) };
      expect(await new Migrator({ db, provider }).migrateToLatest()).toMatchObject({ results: [{ status: "Success" }] });
    }
    await query(
      url,
      `insert into runs (id, task_id, task_name, status, fence, last_seq, repository, limits, usage, created_at, ended_at, reason, steps)
       values ('${runId}', '${ids.task()}', 'old', 'errored', 1, 1, 'ada/engine', '{"turns":7}', '{}', '2026-10-01T12:00:00.000Z',
         '2026-10-01T12:00:01.000Z', 'server_restarted', '[]');
       insert into messages (run_id, seq, at, source, body_length, body) values ('${runId}', 1, '2026-10-01T12:00:00.000Z', 'runner', 30,
         '{"type":"note","text":"before"}')`,
    );
    const [store] = await Promise.all(range(1, 4).map(async () => stack.use(await openPostgresStore({ url }))));
    expect(await store?.runs.find(runId)).toMatchObject({ reason: "server_lost", limits: { turns: 7, stepSeconds: null } });
    expect(await store?.transcript.read(runId, { after: 0, limit: 9 })).toMatchObject([{ body: { text: "before" } }]);
  });

  test("refuses a database that a newer version wrote, and leaves it alone", async () => {
    await using place = await open();
    await query(
      place.url,
      "insert into kysely_migration (name, timestamp) values ('0999-from-the-future', '2030-01-01T00:00:00.000Z')",
    );
    const error = await refusal(place.url);
    expect(error).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(
        /^The database postgres:\/\/ccr@127.*newer version.*0999-from-the-future.*Start that version/,
      ),
    });
    expect(wordsOf(error)).not.toContain("pass-word");
    expect(await query(place.url, "select count(*) from runs")).toBe("0");
  });

  test("refuses another program's tables and a database that cannot hold every text, and leaves nothing in them", async () => {
    await using database = await server().createDatabase();
    await query(database.url, "create table runs (distance integer)");
    expect(await refusal(database.url)).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/tables of another program.*runs.* Give this one a database of its own/),
    });
    const tables = "select string_agg(table_name, ' ') from information_schema.tables where table_schema = 'public'";
    expect(await query(database.url, tables)).toBe("runs");

    await server().query(
      "postgres",
      "create database narrow encoding 'LATIN1' template template0 locale 'C' locale_provider 'libc'",
    );
    expect(await refusal(server().url("narrow"))).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/its encoding is LATIN1.*createdb --encoding=UTF8/),
    });
  });

  test("calls a database by its address, without the password", () => {
    expect(postgresName("postgres://u:p%40ss@db.example.org/runs?password=p&sslmode=disable")).toBe(
      "postgres://u@db.example.org:5432/runs",
    );
    expect(postgresName("postgres://u:p@[::1]:5433/runs")).toBe("postgres://u@[::1]:5433/runs");
    expect(postgresName("postgres://u@/runs?host=/var/run/postgresql")).toBe("postgres://u@/var/run/postgresql:5432/runs");
  });

  test("says what to do about an address that leads nowhere or to nobody, and never tells the password", async () => {
    const wrong: [string, RegExp][] = [
      [server().url("nobody_made_this"), /There is no database .*nobody_made_this\. Make it/],
      [server().url("postgres").replace("pass-word", "pass-word-2"), /refused the user or password/],
      [server().url("postgres").replace("ccr:", "eve:"), /refused the user or password/],
      [
        server()
          .url("postgres")
          .replace(/%2Fof%3Atests@[^/]*/, "@127.0.0.1:1"),
        /cannot be reached.*ECONNREFUSED.*Check that it runs/,
      ],
      ["postgres:///x?host=/nowhere&user=u&password=pass-word", /cannot be reached.*ENOENT/],
      [`${server().url("postgres")}?sslmode=verify-full`, /cannot be logged in to .*SSL/],
      ["postgres://u:pass-word@host:99999999/x", /^DATABASE_URL cannot be used\. Give it as/],
      ["postgres://u:pass-word%zz@[::1/x", /^DATABASE_URL cannot be used/],
      [`${server().url("postgres")}?sslrootcert=/nowhere.pem`, /^DATABASE_URL cannot be used \(ENOENT.*nowhere\.pem/],
    ];
    for (const [url, sentence] of wrong) {
      const error = await refusal(url);
      expect(error).toMatchObject({ code: "unavailable", message: expect.stringMatching(sentence) });
      expect(wordsOf(error)).not.toContain("pass-word");
    }
  });

  test("every text column sorts by the codes of its characters, in a database that sorts as people do", async () => {
    await using place = await open();
    const columns = `select count(*), count(*) filter (where collation_name = 'C') from information_schema.columns
      where data_type = 'text' and table_schema = 'public' and table_name not like 'kysely%'`;
    const [all = "", sorted = ""] = (await query(place.url, columns)).split("|");
    expect(Number(all)).toBeGreaterThan(30);
    expect(sorted).toBe(all);
    expect(await query(place.url, "select 'B' < 'a', 'B' < 'a' collate \"C\"")).toBe("f|t");
  });

  test("gives counts and sizes as numbers", async () => {
    await using place = await open();
    await queueRun(place.store);
    expect(await place.store.upkeep.countRuns()).toEqual([{ status: "queued", reason: null, count: 1 }]);
    expect(await place.store.upkeep.sizeBytes()).toBeGreaterThan(1_000_000);
    const connections = openConnections(parseAddress(place.url), LIMITS, null);
    await using db = new Kysely<Database>({ dialect: postgresDialect({ ...connections, name: "counted" }) });
    const row = await db
      .selectFrom("runs")
      .select((eb) => [eb.fn.countAll().as("count"), eb.fn.sum("fence").as("sum")])
      .executeTakeFirst();
    expect(row).toEqual({ count: 1, sum: 0 });
  });

  test("has no more connections than it may, syncs what it stores whatever the database says, and closes all of them", async () => {
    await using place = await open();
    await query(place.url, `alter database ${nameOf(place.url)} set synchronous_commit = off`);
    const store = await openPostgresStore({ url: place.url, limits: { connections: 3 } });
    const count =
      "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'claude-code-runner'";
    const before = Number(await query(place.url, count));
    const { run, fence } = await claimRun(store);
    const following = errorOf(
      (async () => {
        for await (const _ of store.transcript.follow(run.id, { after: 0 }, AbortSignal.timeout(60_000)));
      })(),
    );
    await Promise.all([
      ...range(1, 100).map(() => store.transcript.read(run.id, { after: 0, limit: 10 })),
      ...range(1, 50).map((n) => store.transcript.append(run.id, fence, own(n, note("x")))),
    ]);
    const listening = `${count} and query like 'listen%' or query = 'select 1'`;
    await waitFor(async () => Number(await query(place.url, listening)) > 0, { what: "it to listen" });
    expect(Number(await query(place.url, count)) - before).toBeLessThanOrEqual(3 + 1);
    await store[Symbol.asyncDispose]();
    expect(await following).toMatchObject({ code: "unavailable" });
    // What it had is gone from the server's list as soon as the server has seen the goodbye.
    await waitFor(async () => Number(await query(place.url, count)) === before, { what: "its connections to be closed" });
  });

  test("a database that is kept locked is unavailable after a time, and usable again afterwards", async () => {
    await using place = await open({ limits: { statementMs: 300 } });
    const { store } = place;
    const { run, fence } = await claimRun(store);
    const pool = new Pool({ connectionString: place.url });
    const other = await pool.connect();
    await other.query("begin; lock table runs in exclusive mode");
    const refused = await Promise.allSettled([
      store.transcript.append(run.id, fence, own(1, note("a"))),
      store.transcript.append(run.id, fence, own(2, note("b"))),
      createTask(store).then(() => store.runs.setPriority(run.id, 1)),
    ]);
    for (const write of refused) {
      expect(write).toMatchObject({
        status: "rejected",
        reason: { code: "unavailable", message: expect.stringMatching(/did not finish in time.*Try again/) },
      });
    }
    expect(await store.runs.find(run.id)).toMatchObject({ lastSeq: 0 });
    await other.query("rollback");
    other.release();
    await pool.end();
    expect(await store.transcript.append(run.id, fence, own(1, note("c")))).toMatchObject([{ seq: 1 }]);
  });

  test("says what to do when the database takes no writes, no connections, or loses one in the middle", async () => {
    await using place = await open();
    const database = nameOf(place.url);
    await query(place.url, `alter database ${database} set default_transaction_read_only = on`);
    {
      await using store = await place.open();
      expect(await errorOf(createTask(store))).toMatchObject({
        code: "unavailable",
        message: expect.stringMatching(/takes no writes.*Point DATABASE_URL at the primary/),
      });
      expect(await store.tasks.list()).toEqual([]);
    }
    await server().query("postgres", `alter database ${database} reset default_transaction_read_only`);
    await server().query("postgres", `alter database ${database} connection limit 0`);
    await server().query("postgres", "create role plain login password 'plain'");
    const asPlain = place.url.replace(/\/\/.*@/, "//plain:plain@");
    expect(await refusal(asPlain)).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/no connection left.*max_connections/),
    });
    await server().query("postgres", `alter database ${database} connection limit -1`);
    expect(await refusal(asPlain)).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/does not let its user make or write tables/),
    });

    const cut = `select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '${database}' and pid <> pg_backend_pid()`;
    await place.store.tasks.list();
    expect(Number(await server().query("postgres", cut))).toBeGreaterThan(0);
    // An idle connection that was cut is replaced; one that is found out to be gone only in use is refused once.
    await waitFor(() => place.store.tasks.list().then(() => true), { what: "a new connection" });
  });

  test("two servers see each message once, in order, within a moment, whichever of them stores it", async () => {
    await using place = await open();
    const other = await place.open();
    const claim = await claimRun(place.store);
    const stores = [place.store, other];
    const followers = stores.map((store) => {
      const seen: { seq: number; at: number }[] = [];
      const ended = (async () => {
        for await (const { seq } of store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(60_000)))
          seen.push({ seq, at: performance.now() });
      })();
      return { seen, ended };
    });
    const listening = "select count(*) from pg_stat_activity where datname = current_database() and query like 'listen%'";
    await waitFor(async () => (await query(place.url, listening)) === "2", { what: "both to listen" });
    const storedAt: number[] = [];
    for (const n of range(1, 200)) {
      await stores[n % 2]?.transcript.append(claim.run.id, claim.fence, notes(n, n));
      storedAt.push(performance.now());
    }
    for (const { seen } of followers) await waitFor(() => seen.length === 200, { what: "all messages" });
    for (const { seen } of followers) {
      expect(seen.map(({ seq }) => seq)).toEqual(range(1, 200));
      const delays = seen.map(({ at }, index) => at - (storedAt[index] ?? 0)).toSorted((a, b) => a - b);
      expect(delays[100]).toBeLessThan(200);
    }
    await place.store.runs.advance(claim.run.id, { from: ["starting"], to: "canceled", patch: { reason: "canceled" } });
    await Promise.all(followers.map(({ ended }) => ended));
  });

  test("one commit tells the other servers once, however much it holds, and the server itself does not hear it", async () => {
    await using place = await open();
    const claims = await Promise.all(range(1, 300).map(() => claimRun(place.store)));
    const pool = new Pool({ connectionString: place.url });
    const listener = await pool.connect();
    const payloads: string[] = [];
    listener.on("notification", ({ payload = "" }) => payloads.push(payload));
    await listener.query("listen ccr_runs");
    const own_: (ReadonlySet<RunId> | null)[] = [];
    place.store.changes.listen((runIds) => own_.push(runIds));
    await waitFor(() => own_.length === 1, { what: "the first look" });

    const few = claims.slice(0, 50);
    await Promise.all(few.map(({ run, fence }) => place.store.transcript.append(run.id, fence, notes(1, 20))));
    await listener.query("select 1");
    expect(payloads.length).toBeLessThanOrEqual(2);
    expect(payloads.flatMap((payload) => payload.split(" ").slice(1)).toSorted()).toEqual(
      few.map(({ run }) => run.id).toSorted(),
    );
    payloads.length = 0;
    // More than one notification can name.
    await Promise.all(
      claims.map(({ run, fence }) => place.store.transcript.append(run.id, fence, own(21, note("more"))).catch(() => {})),
    );
    await Promise.all(claims.map(({ run }) => place.store.runs.advance(run.id, { from: ["starting"], to: "running" })));
    await listener.query("select 1");
    expect(payloads.some((payload) => payload.split(" ").length === 1)).toBe(true);
    expect(own_).toHaveLength(1);
    listener.release();
    await pool.end();
  });

  test("what is notified by anybody else is looked at with suspicion: it costs one look at everything", async () => {
    await using place = await open();
    const told: (ReadonlySet<RunId> | null)[] = [];
    place.store.changes.listen((runIds) => told.push(runIds));
    await waitFor(() => told.length === 1, { what: "the first look" });
    await query(place.url, "notify ccr_runs, 'x run_; drop table runs'");
    await waitFor(() => told.length === 2, { what: "the second look" });
    expect(told).toEqual([null, null]);
    const run = ids.run();
    await query(place.url, `notify ccr_runs, 'x ${run} nonsense'`);
    await waitFor(() => told.length === 3, { what: "the third look" });
    expect(told[2]).toEqual(new Set([run]));
  });

  test("two writers of several runs who lock each other out both get done", async () => {
    await using place = await open();
    const other = await place.open();
    const task = await createTask(place.store);
    const runs = await Promise.all(range(1, 20).map(() => place.store.runs.create(newRun(task))));
    const targets = [
      { store: place.store, order: runs },
      { store: other, order: runs.toReversed() },
    ];
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(
        targets.flatMap(({ store, order }) =>
          order.map(({ run }) => store.runs.advance(run.id, { from: ["queued"], to: "queued", message: note("moved") })),
        ),
      );
      expect(results.every((run) => run !== null)).toBe(true);
    }
    for (const { run } of runs) expect(await place.store.runs.find(run.id)).toMatchObject({ lastSeq: 6 });
  });
});
