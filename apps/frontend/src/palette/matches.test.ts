import { expect, test } from "vitest";
import { found, matches } from "./matches.ts";

test("every word is looked for, in any order, in any of the texts", () => {
  expect(matches("ledger FIX", "Fix the tests", "acme/ledger")).toBe(true);
  expect(matches("ledger fix now", "Fix the tests", "acme/ledger")).toBe(false);
  expect(matches("  ", "anything")).toBe(true);
});

test("what begins with what is looked for comes first, and no more than so many", () => {
  const names = ["retest", "tests", "a test", "testing", "other"];
  const options = { texts: (name: string) => [name], most: 3 };
  expect(found(names, "test", options)).toEqual(["tests", "testing", "retest"]);
  expect(found(names, "", options)).toHaveLength(3);
});
