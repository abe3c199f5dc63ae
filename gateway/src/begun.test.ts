import { appendFile, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { AuditRecord } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { type BegunRequest, openBegunLog, readBegun } from "./begun.ts";
import { openTestLog } from "./testing/house.ts";

const request = (path: string): BegunRequest => ({
  at: "2026-11-22T20:39:28.000Z",
  kind: "model",
  method: "POST",
  host: "model.test",
  port: 443,
  path,
  rule: "the model route",
});
const draft = (path: string) => ({
  ...request(path),
  decision: "allowed" as const,
  status: 200,
  bytesUp: 1,
  bytesDown: 2,
  durationMs: 3,
  usage: null,
});
const recordsIn = async (path: string): Promise<AuditRecord[]> =>
  (await readFile(path, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => AuditRecord.parse(JSON.parse(line)));

describe("what was begun", () => {
  test("has its record after the log was opened again, once, however often that is", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    // Never closed: what a killed process leaves.
    const killed = await openTestLog(path);
    const done = await killed.begin(request("/done"));
    await killed.begin(request("/cut"));
    killed.forget(await killed.begin(request("/refused")));
    killed.append(draft("/done"), done);
    for await (const _lines of killed.follow(0, new AbortController().signal)) break;
    const logs = [killed];
    for (let time = 0; time < 3; time += 1) {
      const again = await openTestLog(path, { now: () => Date.parse("2026-11-22T20:39:30.000Z") });
      logs.push(again);
      for await (const _lines of again.follow(1, new AbortController().signal)) break;
    }
    for (const log of logs.toReversed()) await log.close();
    const records = await recordsIn(path);
    expect(records.map(({ n, path }) => [n, path])).toEqual([
      [1, "/done"],
      [2, "/cut"],
    ]);
    expect(records[1]).toMatchObject({
      decision: "allowed",
      status: null,
      rule: "the model route; the gateway ended before the request did",
      durationMs: 2000,
    });
    expect(await readdir(folder.path)).toEqual(["audit.ndjson"]);
  });

  test("is not taken from a line that was torn, or is none", async () => {
    await using folder = await temporaryFolder();
    const log = await openBegunLog(folder.join("audit.ndjson"));
    await log.begin(request("/1"));
    await appendFile(log.path, `${"\0".repeat(300_000)}\nnonsense\n`);
    await appendFile(log.path, `{"id":"x-1","request":${JSON.stringify(request("/2"))}}\n{"id":"x-2","request":{"at":"2026-11`);
    expect([...(await readBegun(log.path)).values()].map(({ path }) => path)).toEqual(["/1", "/2"]);
    await truncate(log.path);
    expect((await readBegun(log.path)).size).toBe(0);
    await log.close();
  });

  test("takes no room once it is recorded", async () => {
    await using folder = await temporaryFolder();
    const log = await openBegunLog(folder.join("audit.ndjson"));
    const { path } = log;
    let longest = 0;
    for (let index = 0; index < 3000; index += 1) {
      log.settle([await log.begin(request(`/${"x".repeat(300)}`))]);
      if (index % 100 === 0) longest = Math.max(longest, (await stat(path)).size);
    }
    expect(longest).toBeGreaterThan(100_000);
    expect(longest).toBeLessThan(400_000);
    await log.close();
    await expect(stat(path)).rejects.toThrow();
  });

  test("is not read through a link, and what cannot be read is put aside", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("audit.ndjson");
    await writeFile(folder.join("victim"), `{"id":"x-1","request":${JSON.stringify(request("/1"))}}\n`);
    await symlink(folder.join("victim"), `${path}.begun-0123456789ab`);
    const notes: string[] = [];
    const log = await openTestLog(path, { note: (text) => notes.push(text) });
    expect(notes).toEqual([expect.stringMatching(/begun-0123456789ab cannot be read \(ELOOP\), and is kept as .*damaged-1$/)]);
    await log.close();
    expect(await recordsIn(path)).toEqual([]);
    expect(await readdir(folder.path)).toEqual(["audit.ndjson", "audit.ndjson.damaged-1", "victim"]);
  });
});
