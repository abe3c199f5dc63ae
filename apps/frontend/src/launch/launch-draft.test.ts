import { expect, test } from "vitest";
import { type LaunchDraft, newIdempotencyKey, validateLaunch } from "./launch-draft.ts";
import { defaultLimit, LIMIT_FIELDS } from "./limits.ts";

const draft = (change: Partial<LaunchDraft> = {}): LaunchDraft => ({
  taskId: "task_0123456789",
  repository: "owner/name",
  ref: "",
  model: " ",
  limits: {},
  idempotencyKey: "k",
  ...change,
});

test("leaves out what was left empty", () => {
  expect(validateLaunch(draft())).toEqual({
    ok: true,
    input: { taskId: "task_0123456789", repository: "owner/name", idempotencyKey: "k" },
  });
});

test("takes minutes for seconds, and a comma for a point", () => {
  const result = validateLaunch(draft({ ref: " main ", limits: { timeSeconds: "1,5", cpus: "2", turns: " " } }));
  expect(result).toMatchObject({ ok: true, input: { ref: "main", limits: { timeSeconds: 90, cpus: 2 } } });
});

test("names the field that is wrong", () => {
  const problems = (change: Partial<LaunchDraft>) => {
    const result = validateLaunch(draft(change));
    return result.ok ? null : Object.fromEntries(result.problems);
  };
  expect(problems({ taskId: "" })).toEqual({ taskId: "choose the task to run" });
  expect(problems({ repository: " " })?.repository).toContain("the repository is empty");
  expect(problems({ limits: { cpus: "many" } })).toEqual({ "limits.cpus": "give a number" });
  expect(Object.keys(problems({ limits: { memoryMb: "1" }, model: "a b" }) ?? {})).toEqual(["model", "limits.memoryMb"]);
});

test("every limit has a default to show, in the unit of its field", () => {
  expect(LIMIT_FIELDS.map((field) => `${field.key} ${defaultLimit(field)}`)).toContain("timeSeconds 240");
  expect(LIMIT_FIELDS.every((field) => defaultLimit(field) !== "NaN")).toBe(true);
});

test("no two keys are alike", () => {
  expect(new Set(Array.from({ length: 100 }, newIdempotencyKey)).size).toBe(100);
});
