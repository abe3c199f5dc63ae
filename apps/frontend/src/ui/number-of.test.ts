import { expect, test } from "vitest";
import { isAmbiguous, numberOf } from "./number-of.ts";

test("takes points and commas before a fraction, and commas between thousands where they can be nothing else", () => {
  const typed = ["20", " 2.5 ", "2,5", "0,125", "1000", "1,000,000", "1,000.50", "12,5"];
  expect(typed.map(numberOf)).toEqual([20, 2.5, 2.5, 0.125, 1000, 1_000_000, 1000.5, 12.5]);
});

test("guesses nothing: what may be two numbers, or is none, is none", () => {
  for (const text of ["1,000", "100,000", "", " ", "x", "1,2,3", "1.000,50"]) expect(numberOf(text)).toBeNaN();
  expect(["1,000", "0,125", "1,00"].map(isAmbiguous)).toEqual([true, false, false]);
});
