import { z } from "zod";
import { RunId, Timestamp } from "./ids.ts";

/*
 * What becomes of the result of a run that passed: a branch of its repository, and a pull request for it (GitLab calls it a merge request).
 * Without any of it the result is kept on the server, as a patch and a bundle.
 */

export const BRANCH_MAX = 200;
export const DEFAULT_BRANCH_PATTERN = "claude/{task}-{run}";

/** What a pattern may name: the task's name and the run's id in short, and the day of the launch. */
const PLACES = ["task", "run", "date"] as const;

// The rules of `git check-ref-format`, and no word that begins like an option.
// biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them, and so must we
const NOT_IN_A_BRANCH = /^-|[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|(^|\/)\.|\.lock(\/|$)|^@$/;

/** A word for a branch's name: small letters, digits and single hyphens. */
const slug = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 50)
    .replaceAll(/-$/g, "");

/** The name of the branch for a run's result. Pure. */
export const branchFor = (pattern: string, run: { id: string; taskName: string; createdAt: string }): string => {
  const values = {
    task: slug(run.taskName) || "task",
    run: run.id.replace(/^run_/, "").toLowerCase(),
    date: run.createdAt.slice(0, 10),
  };
  return pattern.replaceAll(/\{(task|run|date)\}/g, (_all, place: keyof typeof values) => values[place]);
};

const BranchName = z
  .string()
  .trim()
  .min(1, "the branch is empty")
  .max(BRANCH_MAX, `the branch is longer than ${BRANCH_MAX} characters`)
  .refine((name) => !NOT_IN_A_BRANCH.test(name), "cannot be the name of a branch");

const BranchPattern = z
  .string()
  .trim()
  .min(1, "the branch is empty: give a name, or leave it out")
  .max(BRANCH_MAX, `the branch is longer than ${BRANCH_MAX} characters`)
  .superRefine((pattern, ctx) => {
    const unknown = [...pattern.matchAll(/\{([^}]*)\}?/g)].find(([all]) => !PLACES.some((place) => all === `{${place}}`));
    if (unknown !== undefined) {
      const known = PLACES.map((place) => `{${place}}`).join(", ");
      ctx.addIssue({ code: "custom", message: `'${unknown[0]}' is not known in a branch's name: use ${known}` });
    } else if (NOT_IN_A_BRANCH.test(branchFor(pattern, { id: "run_0", taskName: "a", createdAt: "2026-01-01" })))
      ctx.addIssue({ code: "custom", message: "cannot be the name of a branch" });
  });

const Names = (what: string) =>
  z
    .array(z.string().trim().min(1, `a ${what} is empty`).max(100, `a ${what} is longer than 100 characters`))
    .max(20, `at most 20 ${what}s`)
    .default([]);

/** So often a pull request may have a run after it, in which Claude Code mends what its checks or its reviewers found. */
export const FOLLOW_UPS_MAX = 20;

/** What is followed of a pull request. */
export const FollowSettings = z.strictObject({
  /** At most so many runs, one after the other. */
  times: z
    .number()
    .int("must be a whole number of times")
    .min(1, "must be at least 1")
    .max(FOLLOW_UPS_MAX, `must be at most ${FOLLOW_UPS_MAX}`)
    .default(3),
  /** Checks of the host that fail. */
  checks: z.boolean().default(true),
  /** Whose comments count, by their names at the host, beside those of the reviewers: anybody may write one, and Claude Code does what it says. */
  people: Names("name"),
});
export type FollowSettings = z.infer<typeof FollowSettings>;

/** Where the result of a run that passed goes. */
export const DeliverySettings = z.strictObject({
  to: z.enum(["branch", "pull_request"]),
  /** As soon as it passes; or only when it is chosen among those that compete with it. */
  when: z.enum(["passed", "chosen"]).default("passed"),
  /** The branch's name, with `{task}`, `{run}` and `{date}` in it; a fixed one is used again by the next run. */
  branch: BranchPattern.default(DEFAULT_BRANCH_PATTERN),
  /** The branch that the work is for; left out: the one that the run started from, else the default branch. */
  base: BranchName.nullable().default(null),
  draft: z.boolean().default(false),
  /** Names of users, as the host knows them. */
  reviewers: Names("reviewer"),
  labels: Names("label"),
  /** The request's title; left out: the task's name. */
  title: z
    .string()
    .trim()
    .min(1, "the title is empty")
    .max(200, "the title is longer than 200 characters")
    .nullable()
    .default(null),
  /** null: what becomes of the request is left to people. */
  follow: FollowSettings.nullable().default(null),
});
export type DeliverySettings = z.infer<typeof DeliverySettings>;

export const PullRequestLink = z.object({ number: z.number().int(), url: z.string() });
export type PullRequestLink = z.infer<typeof PullRequestLink>;

/** How far the delivery of a run's result is. */
export const Delivered = z.object({
  /** `delivered`: all that was asked for is done. */
  state: z.enum(["pushing", "delivered", "failed"]),
  branch: z.string(),
  /** What was pushed, or is to be; null: it came to no commit. */
  commit: z.string().nullable(),
  /** Whether the branch leads there. */
  isPushed: z.boolean(),
  /** The branch that the work is for, as far as it is known. */
  base: z.string().nullable(),
  pullRequest: PullRequestLink.nullable(),
  /** Whether the request is looked after: what its checks and its reviewers find starts another run. */
  isFollowed: z.boolean().default(false),
  /** What could not be done beside it, one sentence each: a reviewer who is not known, a host without requests. */
  notes: z.array(z.string()),
  /** What went wrong, for people; set with `failed`. */
  problem: z.string().nullable(),
  /** How often it was tried. */
  tries: z.number().int(),
  at: Timestamp,
});
export type Delivered = z.infer<typeof Delivered>;

/** A run that goes on where another one ended: on its branch, or with its kept work where that is on none, and in its conversation. */
export const Continuation = z.object({
  runId: RunId,
  /** Why: a person asked for it, or a check or a reviewer of the pull request did. */
  because: z.enum(["person", "checks", "review"]),
  /** How many runs that checks or reviewers asked for there are now, this one included. */
  number: z.number().int().min(0),
  /** The last comment of the request that was seen when it began; null: none. */
  lastComment: z.string().nullable(),
  /** The same for the requests of the repositories beside the first one, by their folders. */
  lastComments: z.record(z.string(), z.string()).default({}),
  /** The folders of the repositories whose work is on no branch: it starts from what the server keeps of it. null: that of the only one. */
  fromKept: z.array(z.string().nullable()).default([]),
});
export type Continuation = z.infer<typeof Continuation>;

export const FollowUpInput = z.object({
  id: RunId,
  instructions: z
    .string()
    .trim()
    .min(1, "the instructions are empty: say what Claude Code is to do")
    .max(256 * 1024),
  /** The same key for the same run always gives the same follow-up. */
  idempotencyKey: z.string().min(1).max(200).optional(),
});
export type FollowUpInput = z.infer<typeof FollowUpInput>;
