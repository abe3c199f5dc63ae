import { expect, test } from "vitest";
import { emptyDelivery } from "../delivery/delivery-draft.ts";
import type { LaunchDraft } from "./launch-draft.ts";
import { countRuns, isSeveral, NOT_SEVERAL, type SeveralDraft, validateSeveral } from "./several-draft.ts";

const draft = (several: Partial<SeveralDraft> = {}, change: Partial<LaunchDraft> = {}): LaunchDraft => ({
  taskId: "task_0123456789",
  repository: "owner/name",
  ref: "",
  directory: "",
  additionalRepositories: [],
  model: "",
  limits: {},
  delivery: emptyDelivery("task"),
  environmentId: "",
  permissionMode: "bypassPermissions",
  asks: true,
  network: "",
  parameters: {},
  idempotencyKey: "k",
  several: { ...NOT_SEVERAL, ...several },
  ...change,
});

test("a launch is of several runs as soon as anything of it is several", () => {
  expect(isSeveral(draft())).toBe(false);
  expect(isSeveral(draft({ repositories: "\n owner/name \n", attempts: "1", atOnce: "4" }))).toBe(false);
  expect(isSeveral({ taskId: "t", repository: "a/b", model: "" })).toBe(false);
  const all: Partial<SeveralDraft>[] = [
    { repositories: "a/b" },
    { models: "large" },
    { taskIds: ["task_1111111111"] },
    { attempts: "3" },
    { attempts: "many" },
  ];
  for (const several of all) expect(isSeveral(draft(several)), JSON.stringify(several)).toBe(true);
});

test("counts each repository with each model and task, as often as there are attempts", () => {
  const many = { repositories: "a/b\na/c\na/b", models: "large", taskIds: ["task_1111111111"], attempts: "2" };
  expect(countRuns(draft(many))).toBe(3 * 2 * 2 * 2);
  expect(countRuns(draft({ attempts: "many" }))).toBeNull();
  expect(countRuns(draft({ attempts: "0" }))).toBeNull();
});

test("is what the server takes", () => {
  const many = { repositories: "a/b\r\n\na/c", models: " large ", taskIds: ["task_1111111111"], attempts: "2", atOnce: "4" };
  expect(validateSeveral(draft(many, { ref: " main ", limits: { turns: "7" } }))).toMatchObject({
    ok: true,
    input: {
      taskId: "task_0123456789",
      repositories: ["owner/name", "a/b", "a/c"].map((repository) => ({ repository, ref: "main" })),
      variants: [{}, { model: "large" }, { taskId: "task_1111111111" }, { taskId: "task_1111111111", model: "large" }],
      attempts: 2,
      maxConcurrent: 4,
      limits: { turns: 7 },
      idempotencyKey: "k",
    },
  });
});

test("names the field that is wrong", () => {
  const problems = (several: Partial<SeveralDraft>, change: Partial<LaunchDraft> = {}) => {
    const result = validateSeveral(draft(several, change));
    return result.ok ? {} : Object.fromEntries(result.problems);
  };
  expect(problems({ attempts: "many" })).toEqual({ attempts: "must be a number" });
  expect(problems({ attempts: "21" })).toEqual({ attempts: "must be at most 20" });
  expect(problems({ atOnce: "0" })).toEqual({ maxConcurrent: "must be at least 1" });
  expect(Object.keys(problems({ models: "a b" }))).toEqual(["models"]);
  expect(Object.keys(problems({ attempts: "2" }, { model: "a b" }))).toEqual(["model"]);
  expect(Object.keys(problems({ attempts: "2" }, { limits: { cpus: "many" } }))).toEqual(["limits.cpus"]);
  const lines = Array.from({ length: 100 }, (_, index) => `a/${index}`).join("\n");
  expect(problems({ repositories: lines, attempts: "20" }).attempts).toContain("at most 1,000");
});

test("takes no repositories beside the first one", () => {
  const row = { key: "1", repository: "acme/web", ref: "", directory: "" };
  const result = validateSeveral(draft({ attempts: "2" }, { additionalRepositories: [row] }));
  expect(result.ok ? [] : [...result.problems]).toEqual([
    [
      "additionalRepositories.0.repository",
      "several at once have one repository each: remove this one, or leave “Several at once” empty",
    ],
  ]);
});
