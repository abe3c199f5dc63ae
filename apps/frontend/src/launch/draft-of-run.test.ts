import { RunLimits, TaskId, TaskParameter } from "@ccr/protocol";
import { describe, expect, test } from "vitest";
import { draftOfRun } from "./draft-of-run.ts";
import { validateLaunch } from "./launch-draft.ts";

test("a run can be launched once more as it was", () => {
  const limits = RunLimits.parse({ timeSeconds: 10, budgetUsd: 1.25, memoryMb: 2048, stallSeconds: 7, maxAttempts: 3 });
  const run = {
    taskId: TaskId.parse("task_0123456789"),
    repository: "a/b",
    ref: "main",
    directory: null,
    additionalRepositories: [],
    baseCommit: null,
    headCommit: null,
    delivered: null,
    model: null,
    limits,
    delivery: null,
    environment: null,
    permissionMode: "bypassPermissions" as const,
    asks: true,
    network: "packages" as const,
    networkBy: "launch" as const,
    parameters: { version: "2" },
  };
  const again = draftOfRun(run);
  expect(again.limits).toEqual({
    timeSeconds: "0.1667",
    budgetUsd: "1.25",
    memoryMb: "2048",
    stallSeconds: "0.1167",
    maxAttempts: "3",
  });
  expect(validateLaunch(again)).toMatchObject({
    ok: true,
    input: {
      repository: "a/b",
      ref: "main",
      network: "packages",
      limits: { timeSeconds: 10, budgetUsd: 1.25, memoryMb: 2048, stallSeconds: 7, maxAttempts: 3 },
    },
  });
});

describe("a run of several repositories is launched once more", () => {
  const nothing = { baseCommit: null, headCommit: null, delivered: null };
  const again = (directory: string, other: string) => {
    const launch = validateLaunch(
      draftOfRun({
        ...{ taskId: TaskId.parse("task_0123456789"), repository: "acme/api", ref: "main", directory, ...nothing },
        additionalRepositories: [{ repository: "acme/web", ref: "dev", directory: other, ...nothing }],
        ...{ model: null, limits: RunLimits.parse({}), delivery: null, environment: null, parameters: {} },
        ...{ permissionMode: "plan" as const, asks: false, network: "packages" as const, networkBy: "environment" as const },
      }),
    );
    if (!launch.ok) throw new Error([...launch.problems].join());
    const { repository, ref, directory: first, additionalRepositories } = launch.input;
    return { repository, ref, directory: first, additionalRepositories };
  };

  test("with all of them, whose folders are called as they are by themselves", () => {
    expect(again("api", "web")).toEqual({
      ...{ repository: "acme/api", ref: "main", directory: undefined },
      additionalRepositories: [{ repository: "acme/web", ref: "dev" }],
    });
  });

  test("with all of their folders when one of them was given", () => {
    expect(again("api", "site")).toEqual({
      ...{ repository: "acme/api", ref: "main", directory: "api" },
      additionalRepositories: [{ repository: "acme/web", ref: "dev", directory: "site" }],
    });
  });
});

test("what a task has of its own is typed where the run had something else", () => {
  const limits = RunLimits.parse({ turns: 7, budgetUsd: null });
  const run = {
    ...{ taskId: TaskId.parse("task_0123456789"), repository: "a/b", ref: null, directory: null, additionalRepositories: [] },
    ...{ baseCommit: null, headCommit: null, delivered: null, model: null, limits, delivery: null, environment: null },
    ...{ permissionMode: "plan" as const, asks: false, network: "packages" as const, networkBy: "environment" as const },
    parameters: { version: "2" },
  };
  expect(draftOfRun(run).network).toBe("");
  const again = draftOfRun(run, { turns: 7, budgetUsd: 5, timeSeconds: 60 });
  expect(again.limits).toEqual({ timeSeconds: "240", budgetUsd: "no limit" });
  const declared = TaskParameter.parse({ type: "number", name: "version" });
  expect(validateLaunch(again, [declared])).toMatchObject({
    ok: true,
    input: { limits: { timeSeconds: 14_400, budgetUsd: null }, parameters: { version: "2" } },
  });
});
