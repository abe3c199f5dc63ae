import { expect, test } from "vitest";
import { listedRun } from "../runs/listed-sample.ts";
import { isEnough, RUNS_MOST } from "./find-runs.ts";

const page = (runs: number) => ({ runs: Array.from({ length: runs }, (_, n) => listedRun(n)), next: "there is more" });

test("runs are looked for until there are as many as are shown, and not without an end", () => {
  expect(isEnough([page(0)])).toBe(false);
  expect(isEnough([page(3), page(0), page(RUNS_MOST - 4)])).toBe(false);
  expect(isEnough([page(3), page(RUNS_MOST - 3)])).toBe(true);
  expect(isEnough(Array.from({ length: 19 }, () => page(0)))).toBe(false);
  expect(isEnough(Array.from({ length: 20 }, () => page(0)))).toBe(true);
});
