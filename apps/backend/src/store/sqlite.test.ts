import { execFileSync } from "node:child_process";
import { chmod, mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "@ccr/testkit";
import { Kysely } from "kysely";
import { expect, test } from "vitest";
import { createStore } from "./create-store.ts";
import { createIds } from "./ids.ts";
import type { Database } from "./schema.ts";
import { openSqliteStore, sqliteEngine } from "./sqlite.ts";
import { openDatabase, refuseSqliteVersion } from "./sqlite-database.ts";
import { nodeSqliteDialect } from "./sqlite-dialect.ts";
import {
  auditRecord,
  claimRun,
  createTask,
  endRun,
  events,
  ids,
  instancePlace,
  note,
  notes,
  own,
  sampleDiff,
  seqs,
  server,
} from "./suite/place.ts";
import { openSqlitePlace } from "./suite/sqlite-place.ts";

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
const refusal = async (path: string): Promise<unknown> => {
  try {
    await using store = await openSqliteStore({ path });
    return store;
  } catch (error) {
    return error;
  }
};

test("makes its folder and files for this user alone, and narrows a file that was open to others", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("data", "deep", "ccr.db");
  {
    await using store = await openSqliteStore({ path });
    await createTask(store);
    const files = [path, `${path}-wal`, `${path}-shm`];
    expect(await Promise.all(files.map(modeOf))).toEqual(["600", "600", "600"]);
    expect(await Promise.all([modeOf(folder.join("data")), modeOf(folder.join("data", "deep"))])).toEqual(["700", "700"]);
  }
  await chmod(path, 0o644);
  await using store = await openSqliteStore({ path });
  expect(await modeOf(path)).toBe("600");
  expect(await store.tasks.list()).toHaveLength(1);
});

test("keeps a write-ahead log, syncs every commit, and holds to foreign keys", async () => {
  await using folder = await temporaryFolder();
  using database = await openDatabase(folder.join("ccr.db"), 1234);
  const pragma = (name: string) => Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0];
  const FULL = 2;
  expect(["journal_mode", "synchronous", "foreign_keys", "busy_timeout"].map(pragma)).toEqual(["wal", FULL, 1, 1234]);
});

test("refuses an SQLite that can lose commits", () => {
  for (const version of ["3.51.3", "3.51.10", "3.52.0", "3.53.4", "4.0.0"]) expect(refuseSqliteVersion(version)).toBeNull();
  for (const version of ["3.51.2", "3.50.9", "3.9.100", "2.99.99"]) {
    expect(refuseSqliteVersion(version)).toContain(`carries SQLite ${version}`);
  }
});

test("refuses a database that a newer version wrote, and leaves it alone", async () => {
  await using place = await openSqlitePlace();
  {
    using newer = new DatabaseSync(place.path);
    newer.exec("insert into kysely_migration (name, timestamp) values ('0999-from-the-future', '2030-01-01T00:00:00.000Z')");
  }
  const before = await readFile(place.path);
  expect(await refusal(place.path)).toMatchObject({
    code: "conflict",
    message: expect.stringMatching(/newer version.*0999-from-the-future.*Start that version/),
  });
  expect(await readFile(place.path)).toEqual(before);
});

test("refuses a file that is no database, or another program's", async () => {
  await using folder = await temporaryFolder();
  const text = folder.join("notes.txt");
  await writeFile(text, "My notes, which are longer than a header. ".repeat(100));
  expect(await refusal(text)).toMatchObject({
    message: expect.stringMatching(/notes\.txt is not an SQLite database.*Move it away/),
  });
  expect(await readFile(text, "utf8")).toContain("My notes");

  const browser = folder.join("history.db");
  {
    using other = new DatabaseSync(browser);
    other.exec("create table visits (url text)");
  }
  expect(await refusal(browser)).toMatchObject({ message: expect.stringMatching(/another program's.*Move it away/) });
  using untouched = new DatabaseSync(browser);
  expect(untouched.prepare("select name from sqlite_schema").all()).toEqual([{ name: "visits" }]);
});

test("says so when the database is damaged", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("ccr.db");
  let runId = null;
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const { size: empty } = await stat(path);
  {
    await using store = await openSqliteStore({ path });
    const claim = await claimRun(store);
    runId = claim.run.id;
    await store.transcript.append(runId, claim.fence, notes(1, 500));
  }
  const { size } = await stat(path);
  {
    await using file = await open(path, "r+");
    for (let at = empty; at < size; at += 4096) await file.write(Buffer.alloc(4096, 0xff), 0, 4096, at);
  }
  await using store = await openSqliteStore({ path });
  await expect(store.transcript.read(runId, { after: 0, limit: 1000 })).rejects.toMatchObject({
    code: "internal",
    message: expect.stringMatching(/is damaged.*backup/),
  });
});

test("takes an empty file as a new database", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("ccr.db");
  await writeFile(path, "");
  await using store = await openSqliteStore({ path });
  expect(await store.tasks.list()).toEqual([]);
});

test("says what to do when the place cannot be written", async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.join("file"), "x");
  expect(await refusal(folder.join("file", "ccr.db"))).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/folder .*file cannot be made .*choose another place/),
  });
  await mkdir(folder.join("folder"));
  expect(await refusal(folder.join("folder"))).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/folder cannot be written .*Check that it is a file/),
  });
});

/** A file system of its own, of some KiB; or why there can be none. */
const mountTmpfs = async (sizeKb: number) => {
  if (process.getuid?.() !== 0) return "only root can mount a file system of its own";
  const folder = await temporaryFolder();
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", `size=${sizeKb}k,mode=700`, "ccr-test", folder.path], { stdio: "pipe" });
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    return `this machine does not let root mount: ${error}`;
  }
  return {
    ...folder,
    remount: (options: string) => execFileSync("/bin/mount", ["-o", `remount,${options}`, folder.path]),
    [Symbol.asyncDispose]: async () => {
      execFileSync("/bin/umount", [folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
};

test("a full disk stores nothing of what did not fit, says so, and the store works again when there is space", async ({
  skip,
}) => {
  const mounted = await mountTmpfs(2048);
  if (typeof mounted === "string") return skip(mounted);
  await using folder = mounted;
  await using store = await openSqliteStore({ path: folder.join("ccr.db") });
  const { run, fence } = await claimRun(store);
  let stored = 0;
  let full: unknown = null;
  while (full === null) {
    const batch = [note("x".repeat(20_000)), note("y".repeat(20_000))];
    try {
      stored = (await store.transcript.append(run.id, fence, own(stored + 1, ...batch))).at(-1)?.seq ?? 0;
    } catch (error) {
      full = error;
    }
  }
  expect(full).toMatchObject({ code: "disk_full", message: expect.stringMatching(/Nothing of this change was stored/) });
  expect(stored).toBeGreaterThan(10);
  expect(await store.runs.find(run.id)).toMatchObject({ lastSeq: stored });
  expect((await store.transcript.read(run.id, { after: 0, limit: 1000 })).length).toBe(stored);

  folder.remount("size=16m");
  await store.upkeep.check();
  const [after] = await store.transcript.append(run.id, fence, own(stored + 1, note("z".repeat(100_000))));
  expect(after?.seq).toBe(stored + 1);
  await endRun(store, { run, fence });
  const all = await store.transcript.read(run.id, { after: 0, limit: 1000 });
  expect(seqs(all)).toEqual(Array.from({ length: stored + 1 }, (_, index) => index + 1));
});

test("finds that there is no room for anything any more, and that there is again", async ({ skip }) => {
  const mounted = await mountTmpfs(4096);
  if (typeof mounted === "string") return skip(mounted);
  await using folder = mounted;
  await using store = await openSqliteStore({ path: folder.join("ccr.db") });
  await store.upkeep.check();
  execFileSync("/bin/sh", ["-c", 'cat /dev/zero > "$1" 2>/dev/null || true', "sh", folder.join("filler")]);
  await expect(store.upkeep.check()).rejects.toMatchObject({ code: "disk_full" });
  await expect(createTask(store)).rejects.toMatchObject({ code: "disk_full" });
  expect(await store.tasks.list()).toEqual([]);
  await rm(folder.join("filler"));
  await store.upkeep.check();
});

test("finds that it may only be read", async () => {
  await using folder = await temporaryFolder();
  const path = folder.join("ccr.db");
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  const database = await openDatabase(path, 1000);
  database.exec("pragma query_only = on");
  await using db = new Kysely<Database>({ dialect: nodeSqliteDialect(database, path) });
  await using store = createStore({ engine: sqliteEngine(db, path), ids: createIds(), now: () => new Date() });
  expect(await store.tasks.list()).toEqual([]);
  await expect(store.upkeep.check()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/cannot be written.*read-only/),
  });
});

test("finds that another process keeps it locked", async () => {
  await using place = await openSqlitePlace({ busyTimeoutMs: 20 });
  using other = new DatabaseSync(place.path);
  other.exec("begin immediate");
  await expect(place.store.upkeep.check()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("busy"),
  });
  other.exec("rollback");
  await place.store.upkeep.check();
});

test("what is deleted is in no table any more, and its room is used again", async () => {
  await using place = await openSqlitePlace();
  const { store } = place;
  const fill = async () => {
    const { run, fence } = await claimRun(store);
    const instanceId = ids.instance();
    await store.instances.create({ id: instanceId, runId: run.id, driver: "docker", server, place: instancePlace }, fence);
    await store.instances.setStatus(instanceId, "stopped", fence);
    await store.transcript.append(run.id, fence, notes(1, 2000));
    await store.transcript.appendSpooled(run.id, fence, { instanceId, events: events(1, 2000) });
    await store.runs.saveDiff(run.id, fence, sampleDiff);
    await store.inputs.add(run.id, { kind: "prompt", text: "x" }, null);
    await store.audit.append(run.id, fence, [auditRecord(run.id, 1), auditRecord(run.id, 2, "refused")]);
    await endRun(store, { run, fence });
    return run.id;
  };
  const runId = await fill();
  using database = new DatabaseSync(place.path);
  /** Every table that holds this text, in whatever column. */
  const holding = (text: string): string[] => {
    const tables = database.prepare("select name from sqlite_schema where type = 'table'").all();
    return tables.flatMap(({ name }) => {
      const columns = database.prepare(`select name from pragma_table_info('${name}')`).all();
      const where = columns.map((column) => `instr(cast("${column.name}" as text), :text)`).join(" or ");
      return database.prepare(`select 1 from "${name}" where ${where} limit 1`).all({ ":text": text }).length > 0
        ? [String(name)]
        : [];
    });
  };
  expect(holding(runId).toSorted()).toEqual([
    "audit_records",
    "diffs",
    "instances",
    "messages",
    "run_inputs",
    "run_texts",
    "runs",
  ]);
  const pages = () => database.prepare("select page_count as pages from pragma_page_count").get()?.pages;
  const before = pages();
  expect(await store.upkeep.deleteRun(runId)).toBe(true);
  expect(holding(runId)).toEqual([]);
  for (let round = 0; round < 3; round++) await store.upkeep.deleteRun(await fill());
  expect(Number(pages())).toBeLessThan(Number(before) + 10);
});

test("says what to do on a file system that is read-only, or too small for a database", async ({ skip }) => {
  const mounted = await mountTmpfs(8);
  if (typeof mounted === "string") return skip(mounted);
  await using tiny = mounted;
  expect(await refusal(tiny.join("ccr.db"))).toMatchObject({ code: "disk_full" });
  tiny.remount("ro");
  expect(await refusal(tiny.join("new.db"))).toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/cannot be written .*read-only/),
  });
});
