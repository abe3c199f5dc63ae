import { appendFile, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { AuditRecord } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { type AuditDraft, type AuditLog, openAuditLog } from "./audit.ts";
import { RUN } from "./testing/house.ts";

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
    const first = await openAuditLog(path, RUN);
    for (const n of numbers(1, 1200)) first.append(draft(`/${n}`));
    await first.close();
    const second = await openAuditLog(path, RUN);
    second.append(draft("/1201"));
    await second.close();
    const records = parse(await readFile(path, "utf8"));
    expect(records.map(({ n, path }) => [n, path])).toEqual(numbers(1, 1201).map((n) => [n, `/${n}`]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("gives followers every record once and in order: old ones after the number they name, then live ones, until it is closed", async () => {
    await using folder = await temporaryFolder();
    const log = await openAuditLog(folder.join("audit.ndjson"), RUN);
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
    const first = await openAuditLog(path, RUN);
    first.append(draft("/1"));
    await first.close();
    await appendFile(path, `{"n":2,"rule":"${"longer than the record that takes its place ".repeat(50)}`);
    const second = await openAuditLog(path, RUN);
    second.append(draft("/2"));
    await second.close();
    expect(parse(await readFile(path, "utf8")).map(({ n, path }) => [n, path])).toEqual([
      [1, "/1"],
      [2, "/2"],
    ]);
  });

  test("refuses a file whose numbering is broken, and leaves it as it was", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    const content = `${JSON.stringify({ n: 5, runId: RUN, ...draft("/5") })}\n`;
    await writeFile(path, content);
    await expect(openAuditLog(path, RUN)).rejects.toMatchObject({ code: "unprocessable" });
    expect(await readFile(path, "utf8")).toBe(content);
  });

  test("does not write through a link, and says when the folder is missing", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("victim"), "untouched");
    await symlink(folder.join("victim"), folder.join("link"));
    await expect(openAuditLog(folder.join("link"), RUN)).rejects.toMatchObject({ code: "bad_request" });
    await expect(openAuditLog(folder.join("missing", "audit"), RUN)).rejects.toThrow(/folder must exist/);
    expect(await readFile(folder.join("victim"), "utf8")).toBe("untouched");
  });

  test("ends a follower whose signal is aborted, also one that waits", async () => {
    await using folder = await temporaryFolder();
    const log = await openAuditLog(folder.join("audit.ndjson"), RUN);
    const stop = new AbortController();
    const next = log.follow(0, stop.signal)[Symbol.asyncIterator]().next();
    stop.abort();
    expect(await next).toMatchObject({ done: true });
    await log.close();
  });
});
