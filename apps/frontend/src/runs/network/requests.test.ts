import { type AuditRecord, RunId } from "@ccr/protocol";
import { expect, test } from "vitest";
import { REQUESTS_PAGE, readRequests } from "./requests.ts";

const record = (n: number): AuditRecord => ({
  n,
  at: "2026-11-22T20:00:00.000Z",
  runId: RunId.parse("run_0123456789"),
  kind: "connect",
  method: "CONNECT",
  host: "a.test",
  port: 443,
  path: "",
  decision: "refused",
  rule: "not on the list",
  status: 403,
  bytesUp: 0,
  bytesDown: 0,
  durationMs: 1,
  usage: null,
});
const records = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => record(from + index));

test("reads every page, and afterwards only what is new", async () => {
  const store = records(1, REQUESTS_PAGE * 2 + 3);
  const asked: number[] = [];
  const readPage = async (after: number) => {
    asked.push(after);
    return store.filter(({ n }) => n > after).slice(0, REQUESTS_PAGE);
  };
  const first = await readRequests([], readPage);
  expect(first).toHaveLength(store.length);
  store.push(record(store.length + 1));
  const second = await readRequests(first, readPage);
  expect(second.map(({ n }) => n)).toEqual(store.map(({ n }) => n));
  expect(asked).toEqual([0, 1000, 2000, 2003]);
});

test("a server that repeats itself does not make a loop", async () => {
  const repeating = await readRequests([], async () => records(1, REQUESTS_PAGE));
  expect(repeating).toHaveLength(REQUESTS_PAGE);
});
