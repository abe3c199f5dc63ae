import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAmount, parseAmount } from "../src/money.js";

test("reads amounts as cents", () => {
  assert.equal(parseAmount("12.50"), 1250);
  assert.equal(parseAmount("-820"), -82000);
  assert.equal(parseAmount("0.05"), 5);
});

test("refuses what is not an amount", () => {
  for (const text of ["", "12,50", "1.234", "--1", "ten"]) assert.throws(() => parseAmount(text), RangeError);
});

test("writes cents as people read them", () => {
  assert.equal(formatAmount(123450), "1,234.50");
  assert.equal(formatAmount(-5), "-0.05");
  assert.equal(formatAmount(100000000), "1,000,000.00");
});
