import { outcomeOf, Run, type RunView } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Activity } from "../entries/activity.ts";
import { asTold, nowOf } from "./now.ts";

const at = "2026-11-22T20:00:00.000Z";
const run = (patch: Partial<Pick<RunView, "status" | "stepIndex" | "steps" | "queue" | "priority">>): RunView => {
  const step = { instructions: "x", checks: "" };
  const whole = Run.parse({
    id: "run_0123456789",
    taskId: "task_0123456789",
    taskName: "T",
    steps: [step, step, step],
    repository: "a/b",
    ref: null,
    directory: null,
    additionalRepositories: [],
    model: null,
    limits: {},
    allowNoChanges: false,
    delivery: null,
    delivered: null,
    continues: null,
    environment: null,
    taskVersion: null,
    parameters: {},
    permissionMode: "bypassPermissions",
    asks: true,
    allowedHosts: [],
    network: "none",
    networkBy: null,
    questions: [],
    priority: 0,
    status: "running",
    reason: null,
    sentence: null,
    stepIndex: 1,
    instanceId: null,
    driver: null,
    baseCommit: null,
    headCommit: null,
    usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 },
    lastSeq: 0,
    createdAt: at,
    startedAt: null,
    endedAt: null,
    batch: null,
  });
  return { ...whole, queue: null, outcome: null, ...patch };
};
const tool: Activity = { kind: "tool", name: "Bash", subject: "npm test", since: at };

describe("what a run's page says of it", () => {
  it("is the step, what goes on in it, and since when", () => {
    expect(nowOf(run({}), tool, false)).toEqual({ text: "Step 2 of 3: running", subject: "npm test", since: at });
    expect(nowOf(run({ steps: [] }), tool, false).text).toBe("Running");
    expect(nowOf(run({}), { kind: "check", command: "make", since: at }, false)).toMatchObject({
      ...{ text: "Step 2 of 3: checking:", subject: "make" },
    });
    expect(nowOf(run({ status: "starting", stepIndex: null }), { kind: "idle" }, false).text).toBe("Getting a sandbox ready");
    expect(nowOf(run({ status: "waiting" }), tool, false).text).toBe("Step 2 of 3: waiting for your answer.");
    expect(nowOf(run({ status: "queued", queue: { position: 3, queued: 5, heldBy: null } }), tool, false).text).toContain(
      "3rd of 5",
    );
  });

  it("is nothing that may not be true any more", () => {
    expect(nowOf(run({}), tool, true)).toMatchObject({ subject: "", since: null });
  });

  it("is the end as soon as the transcript has it, whatever was asked before", () => {
    const sentence = "A check did not pass.";
    const outcome = outcomeOf({
      status: "failed",
      reason: "check_failed",
      sentence,
      delivered: null,
      additionalRepositories: [],
    });
    const told = asTold(run({}), { status: "failed", sentence, outcome, at });
    expect(told).toMatchObject({ status: "failed", endedAt: at });
    expect(nowOf(told, tool, true)).toEqual({ text: outcome?.sentence, subject: "", since: null });
  });
});
