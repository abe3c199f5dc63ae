import {
  CcrError,
  type Continuation,
  checkoutsOf,
  DeliverySettings,
  isFinal,
  outcomeOf,
  RUN_OUTCOMES,
  type Run,
  type RunCheckout,
} from "@ccr/protocol";
import type { Review } from "../forges/types.ts";
import type { RunDeps } from "./deps.ts";

/*
 * A pull request that is looked after gets a run after it when a check of its host fails, or when somebody who may writes a comment: on its branch, in
 * the conversation in which the work was done, and with the checks of the task. What to do is decided here, from what the host says.
 */

export type FollowUp =
  | { kind: "wait" }
  /** It is not looked after any more. */
  | { kind: "over"; why: string }
  | ({ kind: "run"; because: "checks" | "review"; instructions: string } & Pick<Continuation, "lastComment" | "lastComments">);

/** What the host says of a request; `directory` is null when the run has one repository alone, and `isFirst` tells its first one. */
export type Looked = { repository: string; directory: string | null; isFirst: boolean; review: Review };

const LOG_MAX = 20_000;
const COMMENT_MAX = 8000;
const COMMENTS_MAX = 50;

const tail = (text: string): string => (text.length <= LOG_MAX ? text : `…${text.slice(-LOG_MAX)}`);

const fenced = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.trimEnd()}\n${fence}`;
};

const repositoryIn = (directory: string | null): string => (directory === null ? "" : ` in ${directory}/`);

const aboutChecks = (failed: Review["checks"], directory: string | null): string =>
  [
    `The work${repositoryIn(directory)} is in a pull request, and checks of its host failed on it. Find out why, and mend what is wrong in ${directory === null ? "this repository" : "these repositories"}. Commit what you change.`,
    ...failed.map(({ name, log, url }) =>
      [
        `The check ${JSON.stringify(name)} failed${url === null ? "" : ` (${url})`}.`,
        ...(log === null ? [] : [fenced(tail(log))]),
      ].join("\n\n"),
    ),
  ].join("\n\n");

const aboutComments = (comments: Review["comments"], directory: string | null): string =>
  [
    `The work${repositoryIn(directory)} is in a pull request, and reviewers wrote about it. Do what they ask for, as far as it is about this work, and commit what you change. Where you do not do what somebody asks for, say why in your last words.`,
    ...comments.map(({ author, body, path, line }) => {
      const where = path === null ? "" : ` about ${path}${line === null ? "" : `, line ${line}`}`;
      return `${author} wrote${where}:\n\n${fenced(body.slice(0, COMMENT_MAX))}`;
    }),
  ].join("\n\n");

/** Comments that came after the last one that was seen. One that was deleted since was seen with all before it. */
const unseen = (comments: Review["comments"], lastSeen: string | null): Review["comments"] => {
  if (lastSeen === null) return comments;
  const index = comments.findIndex(({ id }) => id === lastSeen);
  if (index !== -1) return comments.slice(index + 1);
  const numbers = comments.filter(({ id }) => /^\d+$/.test(id) && /^\d+$/.test(lastSeen) && BigInt(id) > BigInt(lastSeen));
  return numbers;
};

/** The last comment of a request that one of the runs had seen; null: none. */
const lastSeenOf = (after: readonly Run[], { isFirst, directory }: Looked): string | null =>
  after
    .map(({ continues }) => (isFirst ? continues?.lastComment : continues?.lastComments[directory ?? ""]) ?? null)
    .findLast((id) => id !== null) ?? null;

/** What is to be done about the pull requests of a run. `after`: the runs that went on from it, in order. Pure. */
export const decideFollowUp = (root: Run, after: readonly Run[], looked: readonly Looked[]): FollowUp => {
  const follow = root.delivery?.follow ?? null;
  if (follow === null) return { kind: "over", why: "Nobody asked for it." };
  const open = looked.filter(({ review }) => review.state === "open");
  if (open.length === 0) return { kind: "over", why: looked.length > 1 ? "None is open." : `It is ${looked[0]?.review.state}.` };
  const last = after.at(-1);
  if (last !== undefined && !isFinal(last.status)) return { kind: "wait" };
  if (last !== undefined && last.status !== "succeeded") {
    const outcome = outcomeOf(last)?.name ?? "internal";
    return {
      kind: "over",
      why: `${last.id}, which went on with it, ended with “${RUN_OUTCOMES[outcome].title}”: a person has to look.`,
    };
  }
  const ours = after.filter(({ continues }) => continues !== null && continues.because !== "person");
  const people = new Set([...follow.people, ...(root.delivery?.reviewers ?? [])].map((name) => name.toLowerCase()));
  const found = open.map((one) => {
    const { directory, isFirst, review } = one;
    const lastSeen = lastSeenOf(after, one);
    const fresh = unseen(review.comments, lastSeen);
    return {
      directory,
      isFirst,
      failed: follow.checks ? review.checks.filter(({ state }) => state === "failed") : [],
      isPending: follow.checks && review.checks.some(({ state }) => state === "pending"),
      asked: fresh.filter(({ author, body }) => people.has(author.toLowerCase()) && body.trim() !== "").slice(0, COMMENTS_MAX),
      lastComment: review.comments.at(-1)?.id ?? lastSeen,
    };
  });
  // What came of the last push is known first; comments may wait as long, and are taken together then.
  if (found.some(({ isPending }) => isPending)) return { kind: "wait" };
  const failed = found.filter((one) => one.failed.length > 0);
  const asked = found.filter((one) => one.asked.length > 0);
  if (failed.length === 0 && asked.length === 0) return { kind: "wait" };
  if (ours.length >= follow.times)
    return { kind: "over", why: `It was gone on with ${ours.length} times, and no more is wished: a person has to look.` };
  const parts = [
    ...failed.map((one) => aboutChecks(one.failed, one.directory)),
    ...asked.map((one) => aboutComments(one.asked, one.directory)),
  ];
  return {
    kind: "run",
    because: failed.length > 0 ? "checks" : "review",
    instructions: parts.join("\n\n"),
    lastComment: found.find(({ isFirst }) => isFirst)?.lastComment ?? null,
    lastComments: Object.fromEntries(
      found.flatMap(({ isFirst, directory, lastComment }) =>
        isFirst || directory === null || lastComment === null ? [] : [[directory, lastComment]],
      ),
    ),
  };
};

/** Where the result of a run goes that goes on from another: to the same branch, if there is one. Pure. */
const deliveryAfter = (run: Run, delivered: Run["delivered"]): DeliverySettings | null => {
  if (delivered === null) return run.delivery === null ? null : { ...run.delivery, follow: null };
  const settings = run.delivery ?? DeliverySettings.parse({ to: delivered.pullRequest === null ? "branch" : "pull_request" });
  return { ...settings, branch: delivered.branch, base: run.delivered?.base ?? settings.base, follow: null };
};

/** Launches a run that goes on from one that has ended, on its branch, or from where that began when it changed nothing. The same key gives the same run. Throws `CcrError` with `conflict`. */
export const launchFollowUp = async (
  { store }: Pick<RunDeps, "store">,
  run: Run,
  options: {
    instructions: string;
    continuation: Continuation;
    idempotencyKey: string | null;
    root: Run;
    /** Repositories whose requests are merged or closed: their branches may be gone. */
    over?: readonly string[];
  },
): Promise<Run> => {
  const { instructions, continuation, idempotencyKey, root, over = [] } = options;
  const pushed = checkoutsOf(run).filter(({ delivered }) => delivered?.isPushed === true);
  const [one] = pushed;
  if (!isFinal(run.status))
    throw new CcrError("conflict", `Run ${run.id} is ${run.status}: it can be gone on with when it has ended.`);
  // What changed nothing is gone on with from where it began itself.
  if (one === undefined && (await store.runs.findDiff(run.id))?.files.length !== 0)
    throw new CcrError(
      "conflict",
      `The work of run ${run.id} is on no branch from which another run could start: push it first.`,
    );
  const delivery = deliveryAfter(run, one?.delivered ?? null);
  // Where nothing was pushed, it starts from where this one did.
  const startOf = ({ repository, delivered, ref }: RunCheckout): string | null => {
    if (delivered?.isPushed !== true) return ref;
    return over.includes(repository) ? delivered.base : delivered.branch;
  };
  const checks = root.steps
    .map((step) => step.checks.trim())
    .filter((text) => text !== "")
    .join("\n");
  const task = {
    id: run.taskId,
    name: run.taskName,
    steps: [{ instructions, checks }],
    // To answer, and to change nothing, is right where a reviewer asks a question.
    allowNoChanges: continuation.because === "review" || run.allowNoChanges,
  };
  const { repository, directory, additionalRepositories, model, limits, priority } = run;
  const launched = await store.runs.create({
    task,
    parameters: run.parameters,
    environment: run.environment,
    repository,
    ref: startOf(run),
    directory,
    additionalRepositories: additionalRepositories.map((each) => ({ ...each, ref: startOf(each) })),
    model,
    limits,
    priority,
    delivery,
    continues: continuation,
    permissionMode: run.permissionMode,
    // What was allowed was so to the work that people looked at: what hosts ask for begins with what the server allows.
    allowedHosts: continuation.because === "person" ? run.allowedHosts : [],
    // Of what hosts ask for nobody looks on.
    asks: run.asks && continuation.because === "person",
    idempotencyKey,
  });
  return launched.run;
};
