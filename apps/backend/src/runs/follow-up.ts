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
  type ServerId,
  type WorkspaceDiff,
} from "@ccr/protocol";
import type { Review } from "../forges/types.ts";
import type { RunDeps } from "./deps.ts";
import { keptElsewhere } from "./downloads.ts";

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

type FollowUpDeps = Pick<RunDeps, "store" | "server"> & { work: Pick<RunDeps["work"], "find"> };

/**
 * The server that has the work with which a run is to go on, and alone may begin it; null: any may, since nothing of it is on no branch. Throws `CcrError`
 * with `conflict` when this server ought to have it, and does not.
 */
export const homeOf = async (
  deps: FollowUpDeps,
  { runId, fromKept }: Pick<Continuation, "runId" | "fromKept">,
): Promise<ServerId | null> => {
  if (fromKept.length === 0) return null;
  const run = await deps.store.runs.find(runId);
  const elsewhere = await keptElsewhere(deps, run);
  if (elsewhere !== null) return elsewhere.server;
  const found = await Promise.all(fromKept.map((directory) => deps.work.find({ runId, directory })));
  if (run !== null && found.every((work) => work !== null)) return deps.server;
  throw new CcrError(
    "conflict",
    `The work of run ${runId} is on no branch, and not kept any more: launch that run again, or start a new one with instructions that tell of it.`,
  );
};

/** Whether a diff of all repositories has something of this one. Pure. */
const isChangedIn = ({ files }: WorkspaceDiff, { directory }: RunCheckout): boolean =>
  directory === null ? files.length > 0 : files.some(({ path }) => path.startsWith(`${directory}/`));

/** The repositories in which a run left work that is on no branch. Throws `CcrError` with `conflict` when it never came to any work. */
const findUnpushed = async ({ store }: Pick<RunDeps, "store">, run: Run): Promise<RunCheckout[]> => {
  const unpushed = checkoutsOf(run).filter(({ delivered }) => delivered?.isPushed !== true);
  if (unpushed.length === 0) return [];
  const diff = await store.runs.findDiff(run.id);
  if (diff !== null) return unpushed.filter((checkout) => isChangedIn(diff, checkout));
  const { continues } = run;
  const instead = continues === null ? "launch it again" : `go on from ${continues.runId} again, as it did`;
  throw new CcrError("conflict", `Run ${run.id} ended before there was anything to go on with: ${instead}.`);
};

/**
 * Launches a run that goes on from one that has ended: in each repository on the branch that the work was pushed to, else with what is kept of it, and from
 * where that began when it changed nothing. The same key gives the same run. Throws `CcrError` with `conflict`.
 */
export const launchFollowUp = async (
  deps: FollowUpDeps,
  run: Run,
  options: {
    instructions: string;
    continuation: Omit<Continuation, "fromKept">;
    idempotencyKey: string | null;
    root: Run;
    /** Repositories whose requests are merged or closed: their branches may be gone. */
    over?: readonly string[];
  },
): Promise<Run> => {
  const { store } = deps;
  const { instructions, idempotencyKey, root, over = [] } = options;
  if (!isFinal(run.status))
    throw new CcrError("conflict", `Run ${run.id} is ${run.status}: it can be gone on with when it has ended.`);
  // What hosts ask for is about what they have: the branches.
  const isOfPerson = options.continuation.because === "person";
  const unpushed = isOfPerson ? await findUnpushed(deps, run) : [];
  const continuation = { ...options.continuation, fromKept: unpushed.map(({ directory }) => directory) };
  const home = await homeOf(deps, continuation);
  const one = checkoutsOf(run).find(({ delivered }) => delivered?.isPushed === true);
  const delivery = deliveryAfter(run, one?.delivered ?? null);
  // Where nothing was pushed, it starts from where this one did, or with what is kept, which was begun there.
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
    network: run.network,
    networkBy: run.networkBy,
    repository,
    ref: startOf(run),
    directory,
    additionalRepositories: additionalRepositories.map((each) => ({ ...each, ref: startOf(each) })),
    model,
    limits,
    priority,
    delivery,
    continues: continuation,
    home,
    permissionMode: run.permissionMode,
    // What was allowed was so to the work that people looked at: what hosts ask for begins with what the server allows.
    allowedHosts: isOfPerson ? run.allowedHosts : [],
    // Of what hosts ask for nobody looks on.
    asks: run.asks && isOfPerson,
    idempotencyKey,
  });
  return launched.run;
};
