import { expect, test } from "vitest";
import { emptyDraft } from "./draft.ts";
import { type DraftStep, editSteps } from "./steps-draft.ts";

const steps: DraftStep[] = ["a", "b", "c"].map((instructions, index) => ({ key: String(index + 1), instructions, checks: "" }));
const order = (list: readonly DraftStep[]) => list.map(({ instructions }) => instructions || "·").join("");

test("moves within the list and not out of it", () => {
  expect(order(editSteps(steps, { type: "move", key: "3", by: -1 }))).toBe("acb");
  expect(order(editSteps(steps, { type: "move", key: "1", by: 1 }))).toBe("bac");
  expect(order(editSteps(steps, { type: "move", key: "1", by: -1 }))).toBe("abc");
  expect(order(editSteps(steps, { type: "move", key: "3", by: 1 }))).toBe("abc");
});

test("takes the place of the one that it is dropped on, in both directions", () => {
  expect(order(editSteps(steps, { type: "place", key: "1", at: "3" }))).toBe("bca");
  expect(order(editSteps(steps, { type: "place", key: "3", at: "1" }))).toBe("cab");
  expect(order(editSteps(steps, { type: "place", key: "2", at: "2" }))).toBe("abc");
  expect(order(editSteps(steps, { type: "place", key: "2", at: "9" }))).toBe("abc");
});

test("duplicates beside the original, under a new key", () => {
  const edited = editSteps(steps, { type: "duplicate", key: "2" });
  expect(order(edited)).toBe("abbc");
  expect(new Set(edited.map(({ key }) => key)).size).toBe(4);
});

test("removes, but never the last one, and puts back where it was", () => {
  const [, second] = steps;
  const rest = editSteps(steps, { type: "remove", key: "2" });
  expect(order(rest)).toBe("ac");
  if (second === undefined) throw new Error("no second step");
  const restored = editSteps(rest, { type: "restore", step: second, index: 1 });
  expect(order(restored)).toBe("abc");
  expect(new Set(restored.map(({ key }) => key)).size).toBe(3);
  expect(order(editSteps(rest, { type: "restore", step: second, index: 9 }))).toBe("acb");
  expect(editSteps(emptyDraft().steps, { type: "remove", key: "1" })).toHaveLength(1);
});

test("inserts between and at the end, changes one alone, and ignores a step that is gone", () => {
  expect(order(editSteps(steps, { type: "insert", index: 1 }))).toBe("a·bc");
  expect(order(editSteps(steps, { type: "insert", index: 3 }))).toBe("abc·");
  expect(editSteps(steps, { type: "change", key: "2", checks: "$ x" })[1]).toEqual({
    key: "2",
    instructions: "b",
    checks: "$ x",
  });
  expect(editSteps(steps, { type: "remove", key: "9" })).toEqual(steps);
});
