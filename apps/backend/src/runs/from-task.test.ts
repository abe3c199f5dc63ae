import { CcrError, CreateRunInput, NO_DEFAULTS, type Task, TaskId, TaskParameter } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { refOf, stepsOfRun, withDefaults } from "./from-task.ts";

const task = (change: Partial<Task> = {}): Task => ({
  id: TaskId.parse("task_0123456789"),
  name: "T",
  steps: [{ instructions: "Bump to {{version}}.", checks: "$ grep {{version}} x" }],
  allowNoChanges: false,
  delivery: null,
  environmentId: null,
  parameters: [TaskParameter.parse({ type: "text", name: "version" })],
  defaults: NO_DEFAULTS,
  version: 3,
  createdAt: "2026-11-22T20:00:00.000Z",
  updatedAt: "2026-11-22T20:00:00.000Z",
  ...change,
});
const refusal = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error instanceof CcrError ? [error.code, error.message] : error;
  }
  return null;
};

describe("the steps of a run", () => {
  test("have the values in them, and tell of which version they are", () => {
    expect(stepsOfRun(task(), { version: "2; rm -rf /" })).toMatchObject({
      task: { steps: [{ instructions: "Bump to 2; rm -rf /.", checks: "$ grep '2; rm -rf /' x" }] },
      taskVersion: 3,
      parameters: { version: "2; rm -rf /" },
    });
  });

  test("of a task without parameters are as they stand there", () => {
    const plain = task({ parameters: [] });
    expect(stepsOfRun(plain)).toEqual({ task: plain, taskVersion: 3, parameters: {} });
  });

  test.each([
    [{}, "parameters.version: is missing: give a value."],
    [{ version: "1", other: "2" }, "parameters.other: the task has no parameter of this name; it has version."],
    [{ version: `${"'".repeat(2000)}\n` }, "parameters.version: the value is longer than 2,000 characters."],
  ])("are not made with %j", (given, message) => {
    expect(refusal(() => stepsOfRun(task(), given))).toEqual(["bad_request", message]);
  });

  test("are not made where values make of a command one that is too long", () => {
    const long = task({
      parameters: [TaskParameter.parse({ type: "multiline", name: "version" })],
      steps: [{ instructions: "x", checks: "$ echo {{version}}" }],
    });
    expect(refusal(() => stepsOfRun(long, { version: "y".repeat(70_000) }))).toEqual([
      "bad_request",
      expect.stringMatching(/^parameters: with these values, the checks of step 1: a command .* longer than 64 KiB/),
    ]);
  });
});

describe("what a launch leaves out", () => {
  const input = CreateRunInput.parse({ taskId: TaskId.parse("task_0123456789") });
  const defaults = { repository: "ada/engine", ref: "dev", model: "opus", limits: { turns: 7, budgetUsd: 5 }, network: null };

  test("is as the task says, and what it says is as it says", () => {
    const own = task({ defaults });
    expect(withDefaults(own, input)).toMatchObject({
      ...{ repository: "ada/engine", ref: "dev", model: "opus" },
      limits: { turns: 7, budgetUsd: 5, timeSeconds: 14_400 },
    });
    const said = { repository: "ada/other", ref: "main", model: "haiku", limits: { turns: 9, budgetUsd: null } };
    expect(withDefaults(own, { ...input, ...said })).toMatchObject({ ...said, limits: { turns: 9, budgetUsd: null } });
  });

  test("has to be said where the task says nothing", () => {
    expect(withDefaults(task(), { ...input, repository: "a/b" })).toMatchObject({
      repository: "a/b",
      ref: undefined,
      model: null,
    });
    expect(refusal(() => withDefaults(task(), input))).toEqual([
      "bad_request",
      "repository: is missing, and the task has none: give owner/name, a URL or a local path.",
    ]);
  });

  test("a ref goes with the repository of the task, however that is written, and with every one when there is none", () => {
    const own = task({ defaults });
    expect(refOf(own, { repository: "https://github.com/ada/engine.git" })).toBe("dev");
    expect(refOf(own, { repository: "ada/other" })).toBeUndefined();
    expect(refOf(own, { repository: "ada/other", ref: "main" })).toBe("main");
    expect(refOf(task({ defaults: { ...defaults, repository: null } }), { repository: "ada/other" })).toBe("dev");
  });
});
