import { RunId, type RunStatus } from "@ccr/protocol";
import { expect, test } from "vitest";
import { doable, nothing, toggle, toggleShown } from "./selection.ts";

const run = (n: number, status: RunStatus = "queued") => ({ id: RunId.parse(`run_000000000${n}`), status });
const shown = [run(1), run(2), run(3), run(4)];
const ids = (selection: typeof nothing) => [...selection.runs.keys()].map((id) => Number(id.slice(-1))).sort();
const idOf = (n: number) => run(n).id;

test("runs are chosen one by one, and in a range from the one before", () => {
  const one = toggle(nothing, shown, { id: idOf(2), range: false });
  expect(ids(one)).toEqual([2]);
  const range = toggle(one, shown, { id: idOf(4), range: true });
  expect(ids(range)).toEqual([2, 3, 4]);
  expect(ids(toggle(range, shown, { id: idOf(3), range: false }))).toEqual([2, 4]);
  // Backwards, and off again.
  expect(ids(toggle(range, shown, { id: idOf(3), range: true }))).toEqual([2]);
  expect(ids(toggle(nothing, shown, { id: idOf(3), range: true }))).toEqual([3]);
});

test("all that are shown are chosen at once, and those that are not stay chosen", () => {
  const other = toggle(nothing, [run(9)], { id: idOf(9), range: false });
  const all = toggleShown(other, shown);
  expect(ids(all)).toEqual([1, 2, 3, 4, 9]);
  expect(ids(toggleShown(all, shown))).toEqual([9]);
});

test("what goes on can be canceled, what has ended launched again, by what is known last", () => {
  const all = toggleShown(nothing, [run(1), run(2, "running"), run(3, "failed"), run(4, "canceling")]);
  expect(doable(all, () => undefined)).toEqual({ cancel: [idOf(1), idOf(2)], retry: [idOf(3)] });
  expect(doable(all, (id) => (id === idOf(2) ? "succeeded" : undefined))).toEqual({
    cancel: [idOf(1)],
    retry: [idOf(2), idOf(3)],
  });
});
