import { appendFile, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { AuditRecord } from "@ccr/protocol";
import { temporaryFolder } from "@ccr/testkit";
import { describe, expect, test } from "vitest";
import { openAuditLog } from "./audit.ts";
import { type BegunRequest, begunPath, openBegunLog } from "./begun.ts";
import { RUN } from "./testing/house.ts";

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
    const killed = await openAuditLog(path, RUN);
    const done = await killed.begin(request("/done"));
    await killed.begin(request("/cut"));
    killed.forget(await killed.begin(request("/refused")));
    killed.append(draft("/done"), done);
    for await (const _lines of killed.follow(0, new AbortController().signal)) break;
    const logs = [killed];
    for (let time = 0; time < 3; time += 1) {
      const again = await openAuditLog(path, RUN, () => Date.parse("2026-11-22T20:39:30.000Z"));
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
    await expect(stat(begunPath(path))).rejects.toThrow();
  });

  test("is not taken from a line that was torn, and the next one stands where that was", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("begun");
    const first = await openBegunLog(path);
    await first.begin(request("/1"));
    await appendFile(path, '{"id":"x-1","request":{"at":"2026-11-22T20:39:28.000Z","kind":"mo');
    const second = await openBegunLog(path);
    expect(second.unsettled().map(([, { path }]) => path)).toEqual(["/1"]);
    await second.begin(request("/2"));
    const third = await openBegunLog(path);
    expect(third.unsettled().map(([, { path }]) => path)).toEqual(["/1", "/2"]);
    for (const log of [first, second, third]) await log.close();
  });

  test("takes no room once it is recorded", async () => {
    await using folder = await temporaryFolder();
    const path = folder.join("begun");
    const log = await openBegunLog(path);
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

  test("is not written through a link", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("victim"), "untouched");
    await symlink(folder.join("victim"), begunPath(folder.join("audit")));
    await expect(openAuditLog(folder.join("audit"), RUN)).rejects.toMatchObject({ code: "bad_request" });
    expect(await readFile(folder.join("victim"), "utf8")).toBe("untouched");
  });
});
