import { STEP_TEXT_MAX, type TaskContent, TaskParameter } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import { draftOf, emptyDraft, isChanged, TaskDraft, validateDraft } from "./draft.ts";
import { type DraftStep, editSteps } from "./steps-draft.ts";

const steps: DraftStep[] = ["a", "b", "c"].map((instructions, index) => ({ key: String(index + 1), instructions, checks: "" }));
describe("validating a draft", () => {
  test("names each field that is wrong, in the server's words", () => {
    const result = validateDraft({
      ...emptyDraft(),
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
        ...emptyDraft(),
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
  const draft = {
    ...emptyDraft(),
    name: "n",
    steps,
    allowNoChanges: false,
    delivery: emptyDelivery("nowhere"),
    environmentId: "",
    base: null,
  };
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

const content: TaskContent = {
  name: "Bump",
  steps: [{ instructions: "Bump {{pkg}} to {{ to }}.", checks: "$ npm ls {{pkg}}" }],
  allowNoChanges: true,
  delivery: null,
  environmentId: null,
  parameters: [
    TaskParameter.parse({ type: "text", name: "pkg", label: "Package", description: "As in package.json" }),
    TaskParameter.parse({ type: "choice", name: "to", choices: ["minor", "major"], default: "minor" }),
    TaskParameter.parse({ type: "number", name: "n", default: 1.5, required: false }),
    TaskParameter.parse({ type: "boolean", name: "force", default: true }),
    TaskParameter.parse({ type: "multiline", name: "notes", default: "a\nb" }),
  ],
  defaults: {
    repository: "ada/engine",
    ref: "dev",
    model: "opus",
    limits: { timeSeconds: 90, budgetUsd: null, stepSeconds: 120 },
    network: "packages",
  },
};

test("a task is the same after it was looked at in the editor", () => {
  const draft = draftOf({ ...content, version: 3 });
  expect(draft.base).toBe("3");
  const result = validateDraft(draft);
  expect(result.ok ? result.input : [...result.problems]).toEqual(content);
});

test("what is wrong with parameters and defaults is told at their fields", () => {
  const draft = draftOf({ ...content, version: 3 });
  const [first, second] = draft.parameters;
  if (first === undefined || second === undefined) throw new Error("no parameters");
  const result = validateDraft({
    ...draft,
    parameters: [
      { ...first, name: "1" },
      { ...second, choices: "a\na", default: "b" },
      { ...first, name: "x", type: "number", default: "two" },
    ],
    defaults: {
      ...draft.defaults,
      repository: "https://me:secret@example.org/a/b",
      limits: { cpus: "0", stepSeconds: "no limit" },
    },
  });
  expect(result.ok ? [] : Object.fromEntries(result.problems)).toEqual({
    "parameters.0.name": expect.stringContaining("begins with a letter"),
    "parameters.1.choices": expect.stringContaining("twice"),
    "parameters.1.default": expect.stringContaining("none of the choices"),
    "parameters.2.default": "the default must be a number",
    "defaults.repository": expect.stringContaining("holds a credential"),
    "defaults.limits.cpus": "between 0.1 and 1,024",
  });
});

test("a place where a value cannot be quoted is told at the checks of its step", () => {
  const draft = draftOf({ ...content, version: 1 });
  const bad = {
    ...draft,
    steps: [
      { key: "1", instructions: "x", checks: 'test "$(cat {{pkg}})"' },
      { key: "2", instructions: "x", checks: '$ test "$(cat {{pkg}})"' },
    ],
  };
  const result = validateDraft(bad);
  expect(result.ok ? [] : [...result.problems.keys()]).toEqual(["steps.1.checks"]);
});
