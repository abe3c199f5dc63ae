import assert from "node:assert/strict";
import { test } from "node:test";
import { balance, parseLedger } from "../src/ledger.js";

test("reads entries, skips comments and empty lines", () => {
  const entries = parseLedger("# January\n2026-01-02  salary  2400\n\n2026-01-28  tax refund  212.04  # at last\n");
  assert.deepEqual(entries, [
    { day: "2026-01-02", what: "salary", cents: 240000 },
    { day: "2026-01-28", what: "tax refund", cents: 21204 },
  ]);
});

test("names the line that is not an entry", () => {
  assert.throws(() => parseLedger("2026-01-02  salary  2400\nhello"), /line 2 is not an entry: hello/);
});

test("sums up what is left", () => {
  assert.equal(balance(parseLedger("2026-01-02  salary  2400\n2026-01-03  rent  -820")), 158000);
});
