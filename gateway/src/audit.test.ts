import { execFile } from "node:child_process";
import { appendFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { AuditRecord } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import type { AuditLog } from "./audit.ts";
import type { AuditDraft } from "./audit-file.ts";
import { OTHER_RUN, openTestLog, RUN } from "./testing/house.ts";

const draft = (path: string): AuditDraft => ({
  at: "2026-11-22T20:39:28.000Z",
  kind: "http",
  method: "GET",
  host: "allowed.test",
  port: 80,
  path,
  decision: "allowed",
  rule: "a rule",
  status: 200,
  bytesUp: 0,
  bytesDown: 1,
  durationMs: 2,
  usage: null,
});

const parse = (lines: string): AuditRecord[] =>
  lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

/** What a follower gets, until it has `count` records or the log is closed. */
const follow = async (log: AuditLog, after: number, count = Number.POSITIVE_INFINITY): Promise<AuditRecord[]> => {
  const enough = new AbortController();
  const found: AuditRecord[] = [];
  for await (const lines of log.follow(after, enough.signal)) {
    found.push(...parse(lines.toString()));
    if (found.length >= count) enough.abort();
  }
  return found;
};

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("the audit log", () => {
  test("numbers records without gaps, keeps their order, and goes on after it was closed", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const first = await openTestLog(path);
    for (const n of numbers(1, 1200)) first.append(draft(`/${n}`));
    await first.close();
    const second = await openTestLog(path);
    second.append(draft("/1201"));
    await second.close();
    const records = parse(await readFile(path, "utf8"));
    expect(records.map(({ n, path }) => [n, path])).toEqual(numbers(1, 1201).map((n) => [n, `/${n}`]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("gives followers every record once and in order: old ones after the number they name, then live ones, until it is closed", async () => {
    await using folder = await temporaryFolder();
    const log = await openTestLog(folder.join("audit.ndjson"));
    for (const n of numbers(1, 700)) log.append(draft(`/${"x".repeat(300)}${n}`));
    const fromStart = follow(log, 0);
    const fromMiddle = follow(log, 650);
    const fromFuture = follow(log, 800);
    expect((await follow(log, 0, 700)).map(({ n }) => n)).toEqual(numbers(1, 700));
    for (const n of numbers(701, 900)) log.append(draft(`/${n}`));
    await follow(log, 899, 1);
    log.append(draft("/last"));
    await log.close();
    expect((await fromStart).map(({ n }) => n)).toEqual(numbers(1, 901));
    expect((await fromMiddle).map(({ n }) => n)).toEqual(numbers(651, 901));
    expect((await fromFuture).map(({ n }) => n)).toEqual(numbers(801, 901));
  });

  test("cuts off a torn last line", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const first = await openTestLog(path);
    first.append(draft("/1"));
    await first.close();
    await appendFile(path, `{"n":2,"rule":"${"longer than the record that takes its place ".repeat(50)}`);
    const second = await openTestLog(path);
    second.append(draft("/2"));
    await second.close();
    expect(parse(await readFile(path, "utf8")).map(({ n, path }) => [n, path])).toEqual([
      [1, "/1"],
      [2, "/2"],
    ]);
  });

  test("goes on after what was stored, also when its file was lost", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const first = await openTestLog(path);
    first.append(draft("/1"));
    await first.close();
    const second = await openTestLog(path, { auditAfter: 7 });
    second.append(draft("/8"));
    await second.renew({ fence: 1, auditAfter: 10 });
    second.append(draft("/11"));
    expect((await follow(second, 7, 2)).map(({ n, path }) => [n, path])).toEqual([
      [8, "/8"],
      [11, "/11"],
    ]);
    await second.close();
    await rm(path);
    const third = await openTestLog(path, { auditAfter: 11 });
    third.append(draft("/12"));
    await third.close();
    expect(parse(await readFile(path, "utf8")).map(({ n }) => n)).toEqual([12]);
  });

  const line = (n: number, changes: object = {}) => `${JSON.stringify({ n, runId: RUN, ...draft(`/${n}`), ...changes })}\n`;

  test.each([
    ["has lines that are none", `${line(1)}{"n":2,"ru${line(3)}${"x".repeat(200_000)}\n\n${line(4)}`, [1, 4], 3],
    ["was filled with zeros by a disk", `${line(1)}${"\0".repeat(5000)}`, [1], 0],
    ["has numbers twice, as two writers leave them", line(1) + line(2) + line(3) + line(2) + line(3) + line(4), [1, 2, 3, 4], 2],
    ["begins anywhere", line(5) + line(9), [5, 9], 0],
    ["has records of another run", line(1) + line(2, { runId: OTHER_RUN }) + line(3), [1, 3], 1],
  ])("keeps what is good of a file that %s, and puts it aside", async (_what, content, kept, bad) => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    await writeFile(path, content);
    const notes: string[] = [];
    const log = await openTestLog(path, { note: (text) => notes.push(text) });
    log.append(draft("/new"));
    await log.close();
    const next = (kept.at(-1) ?? 0) + 1;
    expect(parse(await readFile(path, "utf8")).map(({ n, path }) => [n, path])).toEqual([
      ...kept.map((n) => [n, `/${n}`]),
      [next, "/new"],
    ]);
    const aside = await readFile(`${path}.damaged-1`, "utf8").catch(() => null);
    expect(aside).toBe(bad === 0 ? null : content);
    expect(notes).toEqual(bad === 0 ? [] : [expect.stringMatching(`has ${bad} lines that are no records.*damaged-1$`)]);
  });

  test("puts aside what is no file, one after the other, and writes through no link", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    await writeFile(folder.join("victim"), "untouched");
    const open = async (auditAfter: number) => {
      const log = await openTestLog(path, { auditAfter });
      log.append(draft("/x"));
      await log.close();
      expect(parse(await readFile(path, "utf8")).map(({ n }) => n)).toEqual([auditAfter + 1]);
      await rm(path);
    };
    await symlink(folder.join("victim"), path);
    await open(3);
    await mkdir(path);
    await writeFile(folder.join("audit.ndjson", "inside"), "kept");
    await open(4);
    await promisify(execFile)("mkfifo", [path]);
    await open(5);
    expect(await readFile(folder.join("victim"), "utf8")).toBe("untouched");
    expect(await readFile(folder.join("audit.ndjson.damaged-2", "inside"), "utf8")).toBe("kept");
    expect((await readdir(folder.path)).toSorted()).toEqual([1, 2, 3].map((n) => `audit.ndjson.damaged-${n}`).concat("victim"));
  });

  test("says when the folder is missing, so that it can be made", async () => {
    await using folder = await temporaryFolder();
    const opening = openTestLog(folder.join("missing", "audit"));
    await expect(opening).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("folder must exist") });
  });

  test("ends a follower whose signal is aborted, also one that waits", async () => {
    await using folder = await temporaryFolder();
    const log = await openTestLog(folder.join("audit.ndjson"));
    const stop = new AbortController();
    const next = log.follow(0, stop.signal)[Symbol.asyncIterator]().next();
    stop.abort();
    expect(await next).toMatchObject({ done: true });
    await log.close();
  });
});
