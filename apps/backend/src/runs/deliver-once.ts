import { branchFor, checkoutsOf, type Delivered, type DeliverySettings, type Run, type RunCheckout } from "@ccr/protocol";
import type { Deliveries, Store } from "../store/types.ts";
import type { Outlet, RunDeps } from "./deps.ts";
import { commitMessage, type Linked, type ResultFacts, readFacts, requestBody, titleOf } from "./proposal.ts";

/*
 * One try to deliver a result: the work in each repository to a branch of it, and then, when all of them are there, a pull request for each, which
 * names the others. Each part can be done again without harm.
 */

export type DeliveryParts = {
  deps: Pick<RunDeps, "outlet" | "clock">;
  stores: Pick<Store, "deliveries" | "transcript"> & { runs: Pick<Store["runs"], "find"> };
};
export type DeliveryWanted = { run: Run; settings: DeliverySettings; outcome: string };

/** How far one repository is; `again`: what failed is worth another try as it is. Of one that is unchanged, what an earlier run delivered. */
type Part = { checkout: RunCheckout; delivered: Delivered | null; again: boolean; isUnchanged?: true };
type Pushed = Part & { delivered: Delivered };

const isPushed = (part: Part): part is Pushed =>
  part.isUnchanged !== true && part.delivered?.isPushed === true && part.delivered.state === "delivered";

/** What is told of several repositories says which one it is about. */
const about = ({ directory, repository }: RunCheckout, text: string): string =>
  directory === null ? text : `${repository}: ${text}`;

const begun = ({ run, settings }: DeliveryWanted, { delivered }: RunCheckout, at: string): Delivered => {
  const branch = branchFor(settings.branch, run);
  const tries = (delivered?.tries ?? 0) + 1;
  if (delivered?.branch === branch) return { ...delivered, tries, at };
  return {
    state: "pushing",
    branch,
    commit: null,
    isPushed: false,
    base: null,
    pullRequest: null,
    isFollowed: false,
    notes: [],
    problem: null,
    tries,
    at,
  };
};

const failed = (before: Delivered, problem: string, more: Partial<Delivered> = {}): Delivered => ({
  ...before,
  ...more,
  state: "failed",
  problem,
});

const pushOne = async (
  { deps: { outlet, clock }, stores }: DeliveryParts,
  wanted: DeliveryWanted,
  { checkout, earlier, signal }: { checkout: RunCheckout; earlier: readonly Run[]; signal: AbortSignal },
): Promise<Part> => {
  const { run, settings } = wanted;
  const { directory, repository, ref } = checkout;
  const before = begun(wanted, checkout, clock.now().toISOString());
  const { branch } = before;
  const ours = await stores.deliveries.list({ repository, branch });
  const outcome = await pushSafely(
    outlet,
    { runId: run.id, directory, repository },
    {
      branch,
      // What is asked for is a branch of the first repository, and says nothing about the others.
      base: repository === run.repository ? settings.base : (deliveredBy(earlier, repository)?.base ?? null),
      from: ref,
      author: outlet.author,
      message: outlet.hide(commitMessage({ ...run, delivery: settings }, outlet.linkTo(run.id))),
      isOurs: (commit) => ours.some((one) => one.commit === commit),
    },
    signal,
  );
  switch (outcome.kind) {
    case "unchanged":
      return { checkout, delivered: deliveredBy(earlier, repository), again: false, isUnchanged: true };
    case "failed": {
      const problem = outlet.hide(about(checkout, outcome.message));
      return { checkout, delivered: failed(before, problem, { commit: outcome.commit }), again: outcome.again };
    }
    case "pushed": {
      const { commit, base } = outcome;
      // What was not to be had when its request was opened is still not there.
      const notes = before.pullRequest === null ? [] : before.notes;
      const delivered: Delivered = { ...before, state: "delivered", commit, base, isPushed: true, problem: null, notes };
      return { checkout, delivered, again: false };
    }
  }
};

/** One repository whose kept work is damaged says nothing about the others. */
const pushSafely = async (
  outlet: Outlet,
  ...[checkout, wanted, signal]: Parameters<Outlet["push"]>
): ReturnType<Outlet["push"]> => {
  try {
    return await outlet.push(checkout, wanted, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", commit: null, again: false, message: error instanceof Error ? error.message : String(error) };
  }
};

/** What the nearest of the runs that are gone on with has delivered of a repository: there it still is. */
const deliveredBy = (earlier: readonly Run[], repository: string): Delivered | null => {
  for (const run of earlier) {
    const found = checkoutsOf(run).find((each) => each.repository === repository)?.delivered;
    if (found?.isPushed === true) return { ...found, state: "delivered", problem: null, notes: [], isFollowed: false };
  }
  return null;
};

// A chain is as long as its follow-ups, and what people asked for in between.
const CHAIN_MAX = 200;

/** The runs that this one goes on from, the nearest first, as far back as something is to be found in them. */
const earlierRuns = async ({ stores }: DeliveryParts, { continues, ...run }: Run): Promise<Run[]> => {
  const earlier: Run[] = [];
  const repositories = checkoutsOf({ ...run }).map(({ repository }) => repository);
  for (let next = continues?.runId ?? null; next !== null && earlier.length < CHAIN_MAX; ) {
    const found = await stores.runs.find(next);
    if (found === null) break;
    earlier.push(found);
    if (repositories.every((repository) => deliveredBy(earlier, repository) !== null)) break;
    next = found.continues?.runId ?? null;
  }
  return earlier;
};

const linksOf = (parts: readonly Part[]): Linked[] =>
  parts.flatMap(({ checkout, delivered }) =>
    delivered?.pullRequest == null ? [] : [{ repository: checkout.repository, url: delivered.pullRequest.url }],
  );

/** Opens a pull request for what is pushed, or brings the open one up to date. */
const propose = (
  { deps: { outlet } }: DeliveryParts,
  { run, settings, outcome }: DeliveryWanted,
  options: { part: Pushed; linked: Linked[]; facts: ResultFacts; signal: AbortSignal },
): ReturnType<Outlet["propose"]> | Awaited<ReturnType<Outlet["propose"]>> => {
  const { part, linked, facts, signal } = options;
  const { branch, base } = part.delivered;
  if (base === null)
    return { kind: "none", why: "The repository has no default branch: no pull request can be opened without a base." };
  const { draft, reviewers, labels } = settings;
  return outlet.propose(
    part.checkout,
    {
      title: outlet.hide(titleOf({ ...run, delivery: settings })),
      body: outlet.hide(requestBody(run, { facts, link: outlet.linkTo(run.id), outcome, linked })),
      headBranch: branch,
      baseBranch: base,
      draft,
      reviewers,
      labels,
    },
    signal,
  );
};

const proposeOne = async (
  parts: DeliveryParts,
  wanted: DeliveryWanted,
  options: { part: Pushed; linked: Linked[]; facts: ResultFacts; signal: AbortSignal },
): Promise<Part> => {
  const { outlet } = parts.deps;
  const { part } = options;
  const { checkout, delivered } = part;
  const proposed = await propose(parts, wanted, options);
  switch (proposed.kind) {
    case "open": {
      const { number, url, notes } = proposed;
      const isFollowed = wanted.settings.follow !== null;
      // One that is brought up to date has no new ones.
      const all = [...new Set([...delivered.notes, ...notes.map(outlet.hide)])];
      const open = { ...delivered, pullRequest: { number, url }, isFollowed, notes: all };
      return { checkout, delivered: open, again: false };
    }
    case "none":
      return { checkout, delivered: { ...delivered, notes: [proposed.why] }, again: false };
    case "failed": {
      const why = `The branch '${delivered.branch}' is pushed, but no pull request could be opened: ${proposed.message}`;
      return { checkout, delivered: failed(delivered, outlet.hide(about(checkout, why))), again: proposed.again };
    }
  }
};

/** Opens the requests one after the other, each with links to those that are there; whoever was told of too few is told of all at the end. */
const proposeAll = async (
  parts: DeliveryParts,
  wanted: DeliveryWanted,
  {
    pushed,
    progress,
    signal,
  }: { pushed: readonly Part[]; progress: (now: readonly Part[]) => Promise<void>; signal: AbortSignal },
): Promise<Part[]> => {
  const facts = await readFacts(parts.stores.transcript, wanted.run);
  const now = [...pushed];
  /** The links that stand in the request of each. */
  const told = new Map<RunCheckout, string>();
  const others = (checkout: RunCheckout) => linksOf(now.filter((part) => part.checkout !== checkout));
  for (let round = 0; round < 2; round++) {
    for (const [index, { checkout }] of pushed.entries()) {
      const part = now[index];
      const linked = others(checkout);
      const links = linked.map(({ url }) => url).join(" ");
      if (part === undefined || !isPushed(part) || told.get(checkout) === links) continue;
      now[index] = await proposeOne(parts, wanted, { part, linked, facts, signal });
      told.set(checkout, links);
      await progress(now);
    }
  }
  return now;
};

const deliveriesIn = (run: Run, now: readonly Part[]): Deliveries => ({
  delivered: now[0]?.delivered ?? null,
  additionalRepositories: run.additionalRepositories.map((each, index) => ({
    ...each,
    delivered: now[index + 1]?.delivered ?? null,
  })),
});

/** The deliveries with each of them changed. Pure. */
const withEach = ({ delivered, additionalRepositories }: Deliveries, change: (one: Delivered) => Delivered): Deliveries => ({
  delivered: delivered === null ? null : change(delivered),
  additionalRepositories: additionalRepositories.map((each) => ({
    ...each,
    delivered: each.delivered === null ? null : change(each.delivered),
  })),
});

/** Deliveries that are not all done, and are gone on with: whoever takes the run over begins anew. Pure. */
export const stillPushing = (deliveries: Deliveries): Deliveries => withEach(deliveries, (one) => ({ ...one, state: "pushing" }));

/** Deliveries that were cut short for this reason: what is there stays on record. Pure. */
export const cutShort = (deliveries: Deliveries, problem: string): Deliveries =>
  withEach(deliveries, (one) => (one.state === "pushing" ? failed(one, problem) : one));

/** The deliveries of a run whose requests are looked after no more, for this reason if there is one to tell. Pure. */
export const followedNoMore = (deliveries: Deliveries, why?: string): Deliveries =>
  withEach(deliveries, (one) => ({
    ...one,
    isFollowed: false,
    notes: why !== undefined && one.isFollowed ? [...one.notes, why] : one.notes,
  }));

/**
 * Delivers once, and gives how far all repositories are. `problem`: what went wrong, null when nothing did; `again`: it is worth another try as it is.
 * What is done of it meanwhile is told to `progress` as soon as it is. Throws the signal's reason, what `progress` throws, and what is wrong on this
 * server's own side.
 */
export const deliverOnce = async (
  parts: DeliveryParts,
  wanted: DeliveryWanted,
  { progress, signal }: { progress: (deliveries: Deliveries) => Promise<void>; signal: AbortSignal },
): Promise<{ deliveries: Deliveries; problem: string | null; again: boolean }> => {
  const { run, settings } = wanted;
  const earlier = await earlierRuns(parts, run);
  const checkouts = checkoutsOf(run);
  let now: Part[] = [];
  for (const [index, checkout] of checkouts.entries()) {
    now.push(await pushOne(parts, wanted, { checkout, earlier, signal }));
    // What was known of those that come later still is.
    const later = checkouts.slice(index + 1).map((each): Part => ({ checkout: each, delivered: each.delivered, again: false }));
    if (later.length > 0) await progress(stillPushing(deliveriesIn(run, [...now, ...later])));
  }
  const [first] = now;
  if (first !== undefined && now.every(({ isUnchanged }) => isUnchanged)) {
    const at = parts.deps.clock.now().toISOString();
    const nothing = failed(begun(wanted, first.checkout, at), "There is nothing to push: no file was changed.");
    now = [{ ...first, delivered: nothing }, ...now.slice(1)];
  }
  // Requests of which one has nothing to show yet would be merged without it.
  const isReady = now.every(({ delivered }) => delivered?.state !== "failed");
  if (isReady && settings.to === "pull_request")
    now = await proposeAll(parts, wanted, {
      pushed: now,
      progress: (all) => progress(stillPushing(deliveriesIn(run, all))),
      signal,
    });
  const wrong = now.filter(({ delivered }) => delivered?.state === "failed");
  return {
    deliveries: deliveriesIn(run, now),
    problem: wrong.length === 0 ? null : wrong.map(({ delivered }) => delivered?.problem ?? "").join(" "),
    again: wrong.length > 0 && wrong.every(({ again }) => again),
  };
};
