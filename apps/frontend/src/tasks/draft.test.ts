import { STEP_TEXT_MAX } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import { type DraftStep, editSteps, emptyDraft, isChanged, TaskDraft, validateDraft } from "./draft.ts";

const steps: DraftStep[] = ["a", "b", "c"].map((instructions, index) => ({ key: String(index + 1), instructions, checks: "" }));
const order = (list: readonly DraftStep[]) => list.map(({ instructions }) => instructions).join("");

describe("editing steps", () => {
  test("moves within the list and not out of it", () => {
    expect(order(editSteps(steps, { type: "move", key: "3", by: -1 }))).toBe("acb");
    expect(order(editSteps(steps, { type: "move", key: "1", by: 1 }))).toBe("bac");
    expect(order(editSteps(steps, { type: "move", key: "1", by: -1 }))).toBe("abc");
    expect(order(editSteps(steps, { type: "move", key: "3", by: 1 }))).toBe("abc");
  });

  test("duplicates beside the original, under a new key", () => {
    const edited = editSteps(steps, { type: "duplicate", key: "2" });
    expect(order(edited)).toBe("abbc");
    expect(new Set(edited.map(({ key }) => key)).size).toBe(4);
  });

  test("removes, but never the last one", () => {
    expect(order(editSteps(steps, { type: "remove", key: "2" }))).toBe("ac");
    expect(editSteps(emptyDraft().steps, { type: "remove", key: "1" })).toHaveLength(1);
  });

  test("adds at the end, changes one alone, and ignores a step that is gone", () => {
    expect(order(editSteps(steps, { type: "add" }))).toBe("abc");
    expect(editSteps(steps, { type: "add" })).toHaveLength(4);
    expect(editSteps(steps, { type: "change", key: "2", checks: "$ x" })[1]).toEqual({
      key: "2",
      instructions: "b",
      checks: "$ x",
    });
    expect(editSteps(steps, { type: "remove", key: "9" })).toEqual(steps);
  });
});

describe("validating a draft", () => {
  test("names each field that is wrong, in the server's words", () => {
    const result = validateDraft({
      name: " ",
      steps: [steps[0], { key: "2", instructions: " ", checks: "x".repeat(STEP_TEXT_MAX + 1) }].filter(
        (step) => step !== undefined,
      ),
      allowNoChanges: false,
      delivery: emptyDelivery("nowhere"),
      environmentId: "",
      base: null,
    });
    expect(result.ok ? [] : [...result.problems.keys()]).toEqual(["name", "steps.1.instructions", "steps.1.checks"]);
    expect(result.ok ? "" : result.problems.get("name")).toContain("the name is empty");
  });

  test("gives what the server takes", () => {
    expect(
      validateDraft({
        name: " Fix it ",
        steps,
        allowNoChanges: true,
        delivery: emptyDelivery("nowhere"),
        environmentId: "env_0123456789",
        base: null,
      }),
    ).toMatchObject({
      ok: true,
      input: { name: "Fix it", allowNoChanges: true, environmentId: "env_0123456789" },
    });
  });
});

test("only what would be saved counts as changed", () => {
  const draft = { name: "n", steps, allowNoChanges: false, delivery: emptyDelivery("nowhere"), environmentId: "", base: null };
  expect(isChanged({ ...draft, base: "2026", steps: steps.map((step) => ({ ...step, key: `${step.key}0` })) }, draft)).toBe(
    false,
  );
  expect(isChanged({ ...draft, steps: editSteps(steps, { type: "move", key: "1", by: 1 }) }, draft)).toBe(true);
  expect(isChanged({ ...draft, allowNoChanges: true }, draft)).toBe(true);
  expect(isChanged({ ...draft, delivery: emptyDelivery("branch") }, draft)).toBe(true);
  expect(isChanged({ ...draft, environmentId: "env_0123456789" }, draft)).toBe(true);
});

test("a draft from before there was a choice does not allow a run without changes", () => {
  expect(TaskDraft.parse({ name: "n", steps, base: null })).toMatchObject({ allowNoChanges: false, environmentId: "" });
});
