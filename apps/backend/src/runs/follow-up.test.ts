import { type Continuation, DeliverySettings, type Run, RunId, RunLimits, TaskId } from "@ccr/protocol";
import { describe, expect, it } from "vitest";
import type { Review } from "../forges/types.ts";
import { delivered } from "../store/suite/delivered.ts";
import { decideFollowUp, type Looked } from "./follow-up.ts";

const delivery = DeliverySettings.parse({
  to: "pull_request",
  reviewers: ["Ada"],
  follow: { times: 2, people: ["grace"] },
});
const run = (change: Partial<Run> = {}): Run => ({
  id: RunId.parse("run_0123456789"),
  taskId: TaskId.parse("task_0123456789"),
  taskName: "T",
  taskVersion: 1,
  parameters: {},
  steps: [{ instructions: "x", checks: "$ true" }],
  repository: "a/b",
  ref: null,
  directory: null,
  additionalRepositories: [],
  model: null,
  limits: RunLimits.parse({}),
  allowNoChanges: false,
  delivery,
  delivered: delivered({ isFollowed: true }),
  continues: null,
  batch: null,
  environment: null,
  permissionMode: "bypassPermissions",
  asks: false,
  allowedHosts: [],
  network: "none",
  networkBy: null,
  questions: [],
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
  run({
    continues: { runId: run().id, because: "checks", number: 1, lastComment: null, lastComments: {}, fromKept: [], ...continues },
    ...change,
  });

const check = (state: "pending" | "passed" | "failed", name = "build") => ({ name, state, log: `the log of ${name}`, url: null });
const comment = (id: string, author: string, body = `comment ${id}`) => ({ id, author, body, path: null, line: null });
const review = (change: Partial<Review> = {}): Review => ({ state: "open", checks: [], comments: [], ...change });
/** The one request of a run. */
const reviewed = (change: Partial<Review> = {}): Looked[] => [
  { repository: "a/b", directory: null, isFirst: true, review: review(change) },
];

describe("what is done about a pull request", () => {
  it("is nothing as long as nobody finds anything, and its checks go on", () => {
    expect(decideFollowUp(run(), [], reviewed()).kind).toBe("wait");
    expect(decideFollowUp(run(), [], reviewed({ checks: [check("passed")] })).kind).toBe("wait");
    expect(decideFollowUp(run(), [], reviewed({ checks: [check("failed"), check("pending", "test")] })).kind).toBe("wait");
  });

  it("is a run with the log of every check that failed, when all of them have ended", () => {
    const next = decideFollowUp(
      run(),
      [],
      reviewed({ checks: [check("failed", "one"), check("passed", "two"), check("failed", "three")] }),
    );
    expect(next).toMatchObject({ kind: "run", because: "checks", lastComment: null });
    const { instructions } = { instructions: "", ...next };
    expect(instructions).toContain("the log of one");
    expect(instructions).toContain("the log of three");
    expect(instructions).not.toContain("the log of two");
  });

  it("is a run for comments of reviewers and of people who may, and of nobody else", () => {
    const comments = [comment("1", "mallory"), comment("2", "ada"), comment("3", "GRACE"), comment("4", "build-bot")];
    const next = decideFollowUp(run(), [], reviewed({ comments }));
    expect(next).toMatchObject({ kind: "run", because: "review", lastComment: "4" });
    const { instructions } = { instructions: "", ...next };
    expect(instructions).toContain("comment 2");
    expect(instructions).toContain("comment 3");
    expect(instructions).not.toContain("comment 1");
    expect(decideFollowUp(run(), [], reviewed({ comments: [comment("1", "mallory")] })).kind).toBe("wait");
  });

  it("is not done twice for the same comment, also when it was deleted since", () => {
    const seen = after({}, { because: "review", lastComment: "12" });
    expect(decideFollowUp(run(), [seen], reviewed({ comments: [comment("11", "ada"), comment("12", "ada")] })).kind).toBe("wait");
    expect(decideFollowUp(run(), [seen], reviewed({ comments: [comment("11", "ada")] })).kind).toBe("wait");
    const more = decideFollowUp(run(), [seen], reviewed({ comments: [comment("11", "ada"), comment("13", "ada")] }));
    expect(more).toMatchObject({ kind: "run", lastComment: "13" });
  });

  it("waits for the run that is at it, and stops when that did not pass, or there were as many as were wished", () => {
    const failing = reviewed({ checks: [check("failed")] });
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
    expect(decideFollowUp(run(), [], reviewed({ ...failing, state: "merged" })).kind).toBe("over");
    expect(decideFollowUp(run(), [], reviewed({ ...failing, state: "closed" })).kind).toBe("over");
    expect(decideFollowUp(run({ delivery: { ...delivery, follow: null } }), [], reviewed(failing)).kind).toBe("over");
  });

  it("leaves checks to people where only comments are wished", () => {
    const settings = DeliverySettings.parse({ ...delivery, follow: { times: 2, checks: false, people: [] } });
    expect(
      decideFollowUp(run({ delivery: settings }), [], reviewed({ checks: [check("failed"), check("pending", "x")] })).kind,
    ).toBe("wait");
  });

  describe("of a run with several", () => {
    const both = (one: Partial<Review>, two: Partial<Review>): Looked[] => [
      { repository: "a/b", directory: "api", isFirst: true, review: review(one) },
      { repository: "a/web", directory: "web", isFirst: false, review: review(two) },
    ];

    it("is one run for what is found in any of them, which says where that is", () => {
      const next = decideFollowUp(
        run(),
        [],
        both({ checks: [check("failed", "one")] }, { checks: [check("passed")], comments: [comment("5", "ada")] }),
      );
      expect(next).toMatchObject({ kind: "run", because: "checks", lastComment: null, lastComments: { web: "5" } });
      const { instructions } = { instructions: "", ...next };
      expect(instructions).toMatch(
        /The work in api\/ is in a pull request, and checks.*the log of one.*The work in web\/.*comment 5/s,
      );
    });

    it("waits until the checks of all have ended, and leaves those alone that are not open", () => {
      const failing = { checks: [check("failed")] };
      expect(decideFollowUp(run(), [], both(failing, { checks: [check("pending")] })).kind).toBe("wait");
      expect(decideFollowUp(run(), [], both({ ...failing, state: "merged" }, { checks: [check("pending")] })).kind).toBe("wait");
      expect(decideFollowUp(run(), [], both({ ...failing, state: "merged" }, {})).kind).toBe("wait");
      expect(decideFollowUp(run(), [], both({ state: "merged" }, { state: "closed" }))).toEqual({
        kind: "over",
        why: "None is open.",
      });
    });

    it("remembers the last comment of each", () => {
      const seen = after({}, { because: "review", lastComment: "3", lastComments: { web: "5" } });
      const comments = (id: string) => ({ comments: [comment(id, "ada")] });
      expect(decideFollowUp(run(), [seen], both(comments("3"), comments("5"))).kind).toBe("wait");
      expect(decideFollowUp(run(), [seen], both(comments("3"), comments("6")))).toMatchObject({
        kind: "run",
        lastComment: "3",
        lastComments: { web: "6" },
      });
    });
  });
});
