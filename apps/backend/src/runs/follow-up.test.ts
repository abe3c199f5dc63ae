import { type Continuation, type Delivered, DeliverySettings, type Run, RunId, RunLimits, TaskId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Review } from "../forges/types.ts";
import { decideFollowUp } from "./follow-up.ts";

const delivery = DeliverySettings.parse({
  to: "pull_request",
  reviewers: ["Ada"],
  follow: { times: 2, people: ["grace"] },
});
const delivered: Delivered = {
  state: "delivered",
  branch: "claude/x",
  commit: "a".repeat(40),
  isPushed: true,
  isFollowed: true,
  base: "main",
  pullRequest: { number: 7, url: "https://host.test/7" },
  notes: [],
  problem: null,
  tries: 1,
  at: "2026-01-01T00:00:00.000Z",
};
const run = (change: Partial<Run> = {}): Run => ({
  id: RunId.parse("run_0123456789"),
  taskId: TaskId.parse("task_0123456789"),
  taskName: "T",
  steps: [{ instructions: "x", checks: "$ true" }],
  repository: "a/b",
  ref: null,
  model: null,
  limits: RunLimits.parse({}),
  allowNoChanges: false,
  delivery,
  delivered,
  continues: null,
  batch: null,
  environment: null,
  priority: 0,
  status: "succeeded",
  reason: "passed",
  sentence: "Every step finished.",
  stepIndex: 0,
  instanceId: null,
  driver: null,
  baseCommit: null,
  headCommit: null,
  usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 },
  lastSeq: 9,
  createdAt: "2026-01-01T00:00:00.000Z",
  startedAt: null,
  endedAt: null,
  ...change,
});
const after = (change: Partial<Run> = {}, continues: Partial<Continuation> = {}): Run =>
  run({ continues: { runId: run().id, because: "checks", number: 1, lastComment: null, ...continues }, ...change });

const check = (state: "pending" | "passed" | "failed", name = "build") => ({ name, state, log: `the log of ${name}`, url: null });
const comment = (id: string, author: string, body = `comment ${id}`) => ({ id, author, body, path: null, line: null });
const review = (change: Partial<Review> = {}): Review => ({ state: "open", checks: [], comments: [], ...change });

describe("what is done about a pull request", () => {
  it("is nothing as long as nobody finds anything, and its checks go on", () => {
    expect(decideFollowUp(run(), [], review()).kind).toBe("wait");
    expect(decideFollowUp(run(), [], review({ checks: [check("passed")] })).kind).toBe("wait");
    expect(decideFollowUp(run(), [], review({ checks: [check("failed"), check("pending", "test")] })).kind).toBe("wait");
  });

  it("is a run with the log of every check that failed, when all of them have ended", () => {
    const next = decideFollowUp(
      run(),
      [],
      review({ checks: [check("failed", "one"), check("passed", "two"), check("failed", "three")] }),
    );
    expect(next).toMatchObject({ kind: "run", because: "checks", lastComment: null });
    const { instructions } = { instructions: "", ...next };
    expect(instructions).toContain("the log of one");
    expect(instructions).toContain("the log of three");
    expect(instructions).not.toContain("the log of two");
  });

  it("is a run for comments of reviewers and of people who may, and of nobody else", () => {
    const comments = [comment("1", "mallory"), comment("2", "ada"), comment("3", "GRACE"), comment("4", "build-bot")];
    const next = decideFollowUp(run(), [], review({ comments }));
    expect(next).toMatchObject({ kind: "run", because: "review", lastComment: "4" });
    const { instructions } = { instructions: "", ...next };
    expect(instructions).toContain("comment 2");
    expect(instructions).toContain("comment 3");
    expect(instructions).not.toContain("comment 1");
    expect(decideFollowUp(run(), [], review({ comments: [comment("1", "mallory")] })).kind).toBe("wait");
  });

  it("is not done twice for the same comment, also when it was deleted since", () => {
    const seen = after({}, { because: "review", lastComment: "12" });
    expect(decideFollowUp(run(), [seen], review({ comments: [comment("11", "ada"), comment("12", "ada")] })).kind).toBe("wait");
    expect(decideFollowUp(run(), [seen], review({ comments: [comment("11", "ada")] })).kind).toBe("wait");
    const more = decideFollowUp(run(), [seen], review({ comments: [comment("11", "ada"), comment("13", "ada")] }));
    expect(more).toMatchObject({ kind: "run", lastComment: "13" });
  });

  it("waits for the run that is at it, and stops when that did not pass, or there were as many as were wished", () => {
    const failing = review({ checks: [check("failed")] });
    expect(decideFollowUp(run(), [after({ status: "running", reason: null })], failing).kind).toBe("wait");
    expect(decideFollowUp(run(), [after({ status: "failed", reason: "check_failed" })], failing)).toMatchObject({
      kind: "over",
      why: expect.stringContaining("Checks failed"),
    });
    expect(decideFollowUp(run(), [after(), after({}, { because: "person", number: 1 })], failing).kind).toBe("run");
    expect(decideFollowUp(run(), [after(), after({}, { number: 2 })], failing)).toMatchObject({ kind: "over" });
  });

  it("is over when the request is merged or closed, or nobody asked for it", () => {
    const failing = { checks: [check("failed")] };
    expect(decideFollowUp(run(), [], review({ ...failing, state: "merged" })).kind).toBe("over");
    expect(decideFollowUp(run(), [], review({ ...failing, state: "closed" })).kind).toBe("over");
    expect(decideFollowUp(run({ delivery: { ...delivery, follow: null } }), [], review(failing)).kind).toBe("over");
  });

  it("leaves checks to people where only comments are wished", () => {
    const settings = DeliverySettings.parse({ ...delivery, follow: { times: 2, checks: false, people: [] } });
    expect(
      decideFollowUp(run({ delivery: settings }), [], review({ checks: [check("failed"), check("pending", "x")] })).kind,
    ).toBe("wait");
  });
});
