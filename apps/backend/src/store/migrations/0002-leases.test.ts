import { Run, RunLimits, RunnerBody } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { expect, test } from "vitest";
import { openSqliteStore } from "../sqlite.ts";
import { openDatabase } from "../sqlite-database.ts";
import { nodeSqliteDialect } from "../sqlite-dialect.ts";
import { collect, find, ids, newRun, notes, otherServer, readAll, seqs, server } from "../suite/place.ts";
import { initial } from "./0001-initial.ts";

const AT = "2026-10-01T12:00:00.000Z";
const taskId = ids.task();
const [ended, lost, going, queued] = [ids.run(), ids.run(), ids.run(), ids.run()];
const [stopped, left, goingInstance] = [ids.instance(), ids.instance(), ids.instance()];
const { stepSeconds: _, ...limits } = RunLimits.parse({ turns: 7 });

/** The rows of a run, in the words of the version that had one step of the schema. */
const runRow = (id: string, given: Record<string, string | number | null>) => ({
  id,
  task_id: taskId,
  task_name: "Fix the build",
  status: "succeeded",
  reason: null,
  sentence: null,
  fence: 1,
  last_seq: 0,
  step_index: 0,
  instance_id: null,
  driver: "bubblewrap",
  repository: "ada/engine",
  ref: null,
  model: null,
  base_commit: null,
  head_commit: null,
  limits: JSON.stringify(limits),
  usage: JSON.stringify({ costUsd: 0.5, inputTokens: 1, outputTokens: 2, turns: 3 }),
  idempotency_key: null,
  created_at: AT,
  started_at: AT,
  ended_at: AT,
  steps: JSON.stringify([{ instructions: "Fix it", checks: "" }]),
  ...given,
});

const message = (runId: string, seq: number, given: { body: unknown; source?: string; instance?: string; spool?: number }) => {
  const body = JSON.stringify(given.body);
  return {
    run_id: runId,
    seq,
    at: AT,
    source: given.source ?? "runner",
    instance_id: given.instance ?? null,
    spool_seq: given.spool ?? null,
    body_length: body.length,
    body,
  };
};

const statusBody = {
  type: "status",
  status: "errored",
  reason: "server_restarted",
  sentence: 'It says "reason":"server_restarted".',
};
const telling = { type: "note", text: 'It said {"type":"status","reason":"server_restarted"}' };

const instanceRow = (id: string, run: string, status: string) => ({
  id,
  run_id: run,
  driver: "bubblewrap",
  status,
  handle: null,
  created_at: AT,
  stopped_at: status === "stopped" ? AT : null,
});

/** A database as the first released version left it. */
const writeOld = async (path: string): Promise<void> => {
  const database = await openDatabase(path, 1000);
  await using db = new Kysely<Record<string, Record<string, string | number | null>>>({
    dialect: nodeSqliteDialect(database, path),
  });
  const provider = { getMigrations: async () => ({ "0001-initial": initial }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error;
  const insert = (table: string, rows: Record<string, string | number | null>[]) => db.insertInto(table).values(rows).execute();
  await insert("tasks", [
    {
      id: taskId,
      name: "Fix the build",
      created_at: AT,
      updated_at: AT,
      steps: JSON.stringify([{ instructions: "Fix it", checks: "" }]),
    },
  ]);
  await insert("runs", [
    runRow(ended, { reason: "passed", sentence: "Done.", last_seq: 4, instance_id: stopped, idempotency_key: "k" }),
    runRow(lost, { status: "errored", reason: "server_restarted", sentence: "Launch it again.", last_seq: 2 }),
    runRow(going, { status: "running", ended_at: null, instance_id: goingInstance, fence: 3, last_seq: 1 }),
    runRow(queued, { status: "queued", ended_at: null, started_at: null, fence: 0 }),
  ]);
  await insert("instances", [
    instanceRow(stopped, ended, "stopped"),
    instanceRow(left, lost, "idle"),
    instanceRow(goingInstance, going, "executing"),
  ]);
  await insert("messages", [
    message(ended, 1, { body: { type: "note", text: "ours" } }),
    message(ended, 2, { body: { type: "assistant", n: 1 }, source: "agent", instance: stopped, spool: 1 }),
    message(ended, 3, { body: statusBody }),
    message(ended, 4, { body: { type: "assistant", n: 2 }, source: "agent", instance: stopped, spool: 2 }),
    message(lost, 1, { body: telling }),
    message(lost, 2, { body: statusBody }),
    message(going, 1, { body: { type: "assistant" }, source: "agent", instance: goingInstance, spool: 1 }),
  ]);
  await insert("diffs", [{ run_id: ended, diff: JSON.stringify({ patch: "old" }) }]);
};

const openOld = async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = folder.join("ccr.db");
  await writeOld(path);
  const store = stack.use(await openSqliteStore({ path }));
  const rest = stack.move();
  return { store, path, [Symbol.asyncDispose]: () => rest.disposeAsync() };
};

test("what the version before stored is all there, and reads as today's", async () => {
  await using place = await openOld();
  const { store } = place;
  for (const run of await store.runs.list({ limit: 10 })) expect(Run.parse(run)).toEqual(run);
  expect(await store.runs.find(ended)).toMatchObject({
    status: "succeeded",
    priority: 0,
    limits: { ...limits, stepSeconds: null },
    lastSeq: 4,
  });
  expect(await store.tasks.find(taskId)).toMatchObject({ name: "Fix the build" });
  const messages = await readAll(store, ended);
  expect(seqs(messages)).toEqual([1, 2, 3, 4]);
  expect(messages[0]?.body).toEqual({ type: "note", text: "ours" });
  expect(await collect(store.transcript.follow(ended, { after: 2 }, AbortSignal.timeout(10_000)))).toHaveLength(2);
  expect(await store.transcript.spoolPosition(ended, stopped)).toBe(2);
  expect(await store.runs.findDiff(ended)).toEqual({ patch: "old" });
  // The key is known, and its limits are the same as those that say that a step has none.
  const task = await store.tasks.find(taskId);
  if (task === null) throw new Error("there is no task");
  const again = await store.runs.create(newRun(task, { idempotencyKey: "k", limits: RunLimits.parse({ turns: 7 }) }));
  expect(again).toMatchObject({ created: false, run: { id: ended } });
});

test("a reason has its new name, in the run and where its transcript tells of it", async () => {
  await using place = await openOld();
  const { store } = place;
  expect(await store.runs.find(lost)).toMatchObject({ status: "errored", reason: "server_lost", sentence: "Launch it again." });
  const [told, status] = await readAll(store, lost);
  expect(told?.body).toEqual(telling);
  expect(status?.body).toEqual({ ...statusBody, reason: "server_lost" });
  expect(RunnerBody.safeParse(status?.body).success).toBe(true);
  // Pages are measured by what is written beside each message.
  await store[Symbol.asyncDispose]();
  using database = await openDatabase(place.path, 1000);
  expect(database.prepare("select count(*) as wrong from messages where body_length <> length(body)").get()).toEqual({
    wrong: 0,
  });
});

test("a run that was going on belongs to nobody, and is taken over; one that was queued waits on", async () => {
  await using place = await openOld();
  const { store } = place;
  expect(await store.queue.leases()).toEqual([{ id: going, status: "running", owner: null, fence: 3, beat: 0 }]);
  const claim = await store.queue.takeOver(find(await store.queue.leases(), going), server);
  expect(claim).toMatchObject({ fence: 4, progress: null, activeMs: 0 });
  expect(seqs(await store.transcript.append(going, 4, notes(1, 2)))).toEqual([2, 3]);
  expect(await store.transcript.spoolPosition(going, goingInstance)).toBe(1);
  expect(await store.queue.queued({ perRepository: 1, perTask: null })).toEqual([
    { id: queued, position: 1, home: null, heldBy: "repository" },
  ]);
  expect((await store.queue.claimNext({ owner: otherServer, perRepository: null, perTask: null }))?.run.id).toBe(queued);
});

test("instances of runs that have ended count as stopped, and the others are nobody's until somebody takes them", async () => {
  await using place = await openOld();
  const { instances } = place.store;
  expect(await instances.find(left)).toMatchObject({ status: "stopped", stoppedAt: AT });
  expect(await instances.find(stopped)).toMatchObject({ status: "stopped", stoppedAt: AT });
  expect((await instances.list()).map(({ id }) => id)).toEqual([goingInstance]);
  const [record] = await instances.listRecords({ runId: going });
  expect(record).toMatchObject({
    id: goingInstance,
    status: "executing",
    server: "srv_0000000000",
    place: { machine: "" },
    handle: null,
  });
  const [{ fence } = { fence: 0 }] = await place.store.queue.leases();
  await instances.setServer(goingInstance, server, fence);
  expect(await instances.listRecords({ server })).toHaveLength(1);
});

test("old runs can be deleted like those of today", async () => {
  await using place = await openOld();
  const { store } = place;
  const old = await store.upkeep.listEnded({ endedBefore: "2026-10-02T00:00:00.000Z", limit: 10 });
  expect(old.toSorted()).toEqual([ended, lost].toSorted());
  for (const id of old) expect(await store.upkeep.deleteRun(id)).toBe(true);
  expect((await store.runs.list({ limit: 10 })).map(({ id }) => id).toSorted()).toEqual([going, queued].toSorted());
});
