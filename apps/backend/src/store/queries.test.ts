import { once } from "node:events";
import { stat } from "node:fs/promises";
import { RUN_SORTS } from "@ccr/protocol";
import { temporaryFolder, waitFor } from "@ccr/testkit";
import { Kysely } from "kysely";
import { expect, test } from "vitest";
import { createStore } from "./create-store.ts";
import type { Engine } from "./engine.ts";
import { createIds } from "./ids.ts";
import { migrate } from "./migrations/index.ts";
import type { Database } from "./schema.ts";
import { openSqliteStore, sqliteEngine } from "./sqlite.ts";
import { openDatabase } from "./sqlite-database.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import {
  anyRun,
  auditRecord,
  claimRun,
  createTask,
  endRun,
  events,
  find,
  ids,
  instancePlace,
  newBatch,
  newRun,
  notes,
  range,
  server,
} from "./suite/place.ts";

/** A store that lets us see what it asks SQLite. */
const openWatched = async (watch: Engine["watch"] = (_, signal) => once(signal, "abort").then(() => {})) => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = folder.join("ccr.db");
  const database = await openDatabase(path, 1000);
  const asked: string[] = [];
  const db = new Kysely<Database>({
    dialect: nodeSqliteDialect(database, path),
    log: (event) => {
      asked.push(event.query.sql);
    },
  });
  await migrate(db, path);
  const engine = { ...sqliteEngine(db, path), watch };
  const store = stack.use(createStore({ engine, ids: createIds(), now: () => new Date() }));
  asked.length = 0;
  const rest = stack.move();
  return { store, path, database, asked, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

test("every question that grows with the data is answered from an index, in its order", async () => {
  await using place = await openWatched();
  const { store, database, asked } = place;
  const claim = await claimRun(store);
  const { id, taskId } = claim.run;
  const instanceId = ids.instance();
  await store.transcript.append(id, claim.fence, notes(1, 3));
  await store.transcript.appendSpooled(id, claim.fence, { instanceId, events: events(1, 3) });
  await store.transcript.read(id, { after: 1, limit: 10 });
  const said = await store.inputs.add(id, { kind: "prompt", text: "x" }, "k");
  if (said !== null) await store.inputs.edit(id, { id: said.id, revision: 1, text: "y" });
  await store.inputs.listQueued(id);
  await store.inputs.list(id, 10);
  await store.audit.append(id, claim.fence, [auditRecord(id, 1)]);
  await store.audit.read(id, { after: 0, limit: 10 });
  await store.audit.read(id, { after: 0, limit: 10, refusedOnly: true });
  await store.audit.newestRefused(id, 10);
  await store.audit.position(id);
  await store.runs.patch(id, claim.fence, { stepIndex: 1 });
  await store.runs.list({ limit: 10, before: id });
  await store.runs.list({ limit: 10, taskId, before: id });
  await store.runs.list({ limit: 10, status: ["succeeded"], before: id });
  await store.runs.create({ ...claim.run, task: await createTask(store), idempotencyKey: "k" });
  await store.instances.create({ id: instanceId, runId: id, driver: "docker", server, place: instancePlace }, claim.fence);
  await store.instances.setStatus(instanceId, "idle", claim.fence);
  await store.instances.listStopped({ limit: 10, before: instanceId });
  await store.instances.list();
  await store.instances.findRecord(instanceId);
  await store.instances.listRecords({ runId: id });
  await store.instances.listRecords({ server });
  await store.instances.setServer(instanceId, server, claim.fence);
  await store.tasks.list();
  for (const sort of RUN_SORTS) {
    const { runs, next } = await store.listing.page({ sort, limit: 1, text: "fix" });
    await store.listing.page({ sort, limit: 1, taskId, repository: claim.run.repository, since: claim.run.createdAt });
    await store.listing.page({ sort, limit: 1, status: ["queued", "starting"], ...(next !== null && { cursor: next }) });
    const [one] = runs;
    if (one !== undefined)
      await store.listing.page({
        sort,
        limit: 1,
        cursor: `${id} ${sort === "ended" ? one.createdAt : sort === "newest" || sort === "oldest" ? one.createdAt : 1}`,
      });
  }
  await store.listing.page({ sort: "newest", limit: 1, repository: claim.run.repository });
  await store.listing.page({ sort: "newest", limit: 1, environmentId: ids.environment() });
  await store.listing.counts({});
  await store.listing.counts({ text: "fix", repository: claim.run.repository });
  await store.listing.select({ taskId });
  await store.listing.some([id]);
  await store.listing.queued();
  await store.listing.repositories();
  await store.attention.list({ endedAfter: "2020-01-01T00:00:00.000Z", limit: 10 });
  await store.attention.dismiss([id], true);
  const quick = { name: "Q", steps: [{ instructions: "Q", checks: "" }], allowNoChanges: false };
  await store.quick.start(quick, { ...newRun(await createTask(store)), idempotencyKey: "q" });
  const started = await store.quick.start(quick, { ...newRun(await createTask(store)), idempotencyKey: "q" });
  await store.runs.advance(started.run.id, {
    from: ["queued"],
    to: "canceled",
    patch: { sentence: "S", endedAt: "2030-01-01T00:00:00.000Z" },
  });
  await store.upkeep.deleteRun(started.run.id);
  await store.tasks.overview();
  await store.tasks.update({ id: taskId, name: "other" });
  await store.tasks.listVersions(taskId);
  await store.tasks.findVersion(taskId, 1);
  const { batch } = await store.batches.create(await newBatch(store));
  await store.batches.find(batch.id);
  await store.batches.list({ limit: 10, before: batch.id });
  await store.batches.rows({ id: batch.id, after: 1, limit: 10, group: 2 });
  await store.runs.list({ limit: 10, batchId: batch.id, before: id });
  await store.batches.setState(batch.id, { from: ["running"], to: "paused" });
  await store.batches.cancel(batch.id, [{ from: ["queued"], to: "canceled" }]);
  await store.batches.retry(batch.id);
  await store.batches.setState(batch.id, { from: ["running"], to: "paused" });
  await store.runs.setPriority(id, 1);
  const limits = { perRepository: 1, perTask: 1 };
  await store.queue.queued(limits);
  await store.queue.claimNext({ ...anyRun, ...limits });
  await store.queue.renew(id, claim.fence, 1);
  await store.queue.release(id, claim.fence);
  await store.queue.takeOver(find(await store.queue.leases(), id), server);
  await store.transcript.append(id, claim.fence + 1, { ...notes(1, 1), patch: { stepIndex: 1 } });
  await store.transcript.append(id, claim.fence + 1, notes(1, 1));
  await endRun(store, { ...claim, fence: claim.fence + 1 });
  await store.queue.claimNext(anyRun);
  await store.upkeep.check();
  await store.upkeep.countRuns();
  await store.overview.spent({ from: "2020-01-01T00:00:00.000Z", to: "2030-01-01T00:00:00.000Z" });
  await store.overview.going();
  await store.upkeep.listEnded({ endedBefore: "2030-01-01T00:00:00.000Z", limit: 10 });
  expect(await store.upkeep.deleteRun(id)).toBe(true);

  const statements = [...new Set(asked)].filter((sql) => /^(select|insert|update|delete)/.test(sql));
  expect(statements.length).toBeGreaterThan(45);
  for (const sql of statements) {
    const plan = database
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => String(row.detail));
    const wholeTable = plan.filter(
      (detail) => detail.startsWith("SCAN ") && !/USING (COVERING )?INDEX|VALUES CLAUSE/.test(detail),
    );
    const sorted = plan.filter((detail) => detail.includes("TEMP B-TREE"));
    expect({ sql, wholeTable, sorted }).toEqual({ sql, wholeTable: [], sorted: [] });
  }
});

test("appending the last of 100,000 messages asks the same, and writes as many pages, as appending the first", async () => {
  await using place = await openWatched();
  const { store, database, asked, path } = place;
  const { run, fence } = await claimRun(store);
  const instanceId = ids.instance();
  /** What it takes to append one of our own, and one of a spool: the statements, and the pages that they write. */
  const cost = async (n: number) => {
    database.exec("pragma wal_checkpoint(truncate)");
    asked.length = 0;
    await store.transcript.append(run.id, fence, notes(n, n));
    await store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(n, n) });
    const { size } = await stat(`${path}-wal`);
    return { statements: [...asked], pages: Math.floor((size - 32) / (4096 + 24)) };
  };
  const first = await cost(1);
  for (let from = 2; from <= 50_000; from += 500) {
    const to = Math.min(from + 499, 50_000);
    await store.transcript.append(run.id, fence, notes(from, to));
    await store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(from, to) });
  }
  const last = await cost(50_001);
  expect(await store.runs.find(run.id)).toMatchObject({ lastSeq: 100_002 });
  expect(last.statements).toEqual(first.statements);
  // Each of the two commits writes the run's page, and one path through the tree of the messages and of each of its two indexes.
  expect(first.pages).toBeGreaterThan(4);
  expect(last.pages).toBeLessThanOrEqual(first.pages + 8);
});

test("followers that are at the end cost no question at all, however many they are", async () => {
  await using place = await openWatched();
  const { store, asked } = place;
  const claim = await claimRun(store);
  const counts = range(1, 500).map(() => 0);
  const ended = counts.map(async (_, index) => {
    for await (const message of store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(60_000))) {
      counts[index] = message.seq;
    }
  });
  await store.transcript.append(claim.run.id, claim.fence, notes(1, 1));
  await waitFor(() => counts.every((count) => count === 1), { what: "all followers to be at the end" });
  asked.length = 0;
  await store.transcript.append(claim.run.id, claim.fence, notes(2, 10));
  await waitFor(() => counts.every((count) => count === 10), { what: "all followers to be at the end again" });
  const ofTheAppend = 'select max("origin_seq")';
  expect(asked.filter((sql) => sql.startsWith("select") && !sql.startsWith(ofTheAppend))).toEqual([]);
  await endRun(store, claim);
  await Promise.all(ended);
});

test("followers that begin together share their questions", async () => {
  await using place = await openWatched();
  const { store, asked } = place;
  const claim = await claimRun(store);
  await store.transcript.append(claim.run.id, claim.fence, notes(1, 1000));
  await endRun(store, claim);
  asked.length = 0;
  const followers = range(1, 100).map(async () => {
    let last = 0;
    for await (const message of store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(60_000)))
      last = message.seq;
    return last;
  });
  expect(new Set(await Promise.all(followers))).toEqual(new Set([1000]));
  // One look at the run, and for each of five pages its sizes and its bodies.
  expect(asked).toHaveLength(11);
});

test("followers learn of what an earlier try has stored as soon as it is tried again, whoever that was", async () => {
  await using place = await openWatched();
  const { store } = place;
  await using other = await openSqliteStore({ path: place.path });
  const claim = await claimRun(store);
  const seen: number[] = [];
  const followed = (async () => {
    for await (const { seq } of store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(60_000))) seen.push(seq);
  })();
  await store.transcript.append(claim.run.id, claim.fence, notes(1, 1));
  await waitFor(() => seen.length === 1, { what: "the first message" });
  // As a try whose answer never came: this store does not know of it, and hears nothing of others.
  await other.transcript.append(claim.run.id, claim.fence, notes(2, 4));
  expect(await store.transcript.append(claim.run.id, claim.fence, notes(2, 4))).toEqual([]);
  await waitFor(() => seen.length === 4, { what: "the messages of the earlier try" });
  await endRun(store, claim);
  await followed;
  expect(seen).toEqual([1, 2, 3, 4]);
});

test("followers outlive a time in which nothing can be heard of other processes, and then miss nothing", async () => {
  let lose: ((error: Error) => void) | null = null;
  await using place = await openWatched((changed, signal) => {
    if (lose !== null) return changed(null).then(() => once(signal, "abort").then(() => {}));
    return new Promise((_, reject) => {
      lose = reject;
    });
  });
  const { store } = place;
  await using other = await openSqliteStore({ path: place.path });
  const claim = await claimRun(store);
  await store.transcript.append(claim.run.id, claim.fence, notes(1, 2));
  const seen: number[] = [];
  const follow = async () => {
    for await (const { seq } of store.transcript.follow(claim.run.id, { after: 0 }, AbortSignal.timeout(60_000))) seen.push(seq);
  };
  const followed = follow();
  await waitFor(() => seen.length === 2, { what: "the replay" });
  const tell = await waitFor(() => lose, { what: "the watch to begin" });
  await other.transcript.append(claim.run.id, claim.fence, notes(3, 4));
  expect(seen).toEqual([1, 2]);
  tell(new Error("the connection is gone"));
  await waitFor(() => seen.length === 4, { what: "what the other process has stored" });
  await endRun(store, claim);
  await followed;
  expect(seen).toEqual([1, 2, 3, 4]);
});
