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
  { checkout, earlierRun, signal }: { checkout: RunCheckout; earlierRun: Run | null; signal: AbortSignal },
): Promise<Part> => {
  const { run, settings } = wanted;
  const { directory, repository, ref } = checkout;
  const before = begun(wanted, checkout, clock.now().toISOString());
  const { branch } = before;
  const earlier = await stores.deliveries.list({ repository, branch });
  const outcome = await outlet.push(
    { runId: run.id, directory, repository },
    {
      branch,
      // What is asked for is a branch of the first repository, and says nothing about the others.
      base: repository === run.repository ? settings.base : (deliveredBy(earlierRun, repository)?.base ?? null),
      from: ref,
      author: outlet.author,
      message: outlet.hide(commitMessage({ ...run, delivery: settings }, outlet.linkTo(run.id))),
      isOurs: (commit) => earlier.some((one) => one.commit === commit),
    },
    signal,
  );
  switch (outcome.kind) {
    case "unchanged":
      return { checkout, delivered: deliveredBy(earlierRun, repository), again: false, isUnchanged: true };
    case "failed": {
      const problem = outlet.hide(about(checkout, outcome.message));
      return { checkout, delivered: failed(before, problem, { commit: outcome.commit }), again: outcome.again };
    }
    case "pushed": {
      const { commit, base } = outcome;
      const delivered: Delivered = { ...before, state: "delivered", commit, base, isPushed: true, problem: null, notes: [] };
      return { checkout, delivered, again: false };
    }
  }
};

/** What a run that is gone on with has delivered of a repository: there it still is. */
const deliveredBy = (earlierRun: Run | null, repository: string): Delivered | null => {
  const found = earlierRun === null ? undefined : checkoutsOf(earlierRun).find((each) => each.repository === repository);
  return found?.delivered?.isPushed === true ? { ...found.delivered, isFollowed: false } : null;
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
      const open = { ...delivered, pullRequest: { number, url }, isFollowed, notes: notes.map(outlet.hide) };
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
  { pushed, signal }: { pushed: readonly Part[]; signal: AbortSignal },
): Promise<Part[]> => {
  const facts = await readFacts(parts.stores.transcript, wanted.run);
  const now = [...pushed];
  const told = new Map<RunCheckout, number>();
  const others = (checkout: RunCheckout) => linksOf(now.filter((part) => part.checkout !== checkout));
  for (let round = 0; round < 2; round++) {
    for (const [index, { checkout }] of pushed.entries()) {
      const part = now[index];
      const linked = others(checkout);
      if (part === undefined || !isPushed(part) || told.get(checkout) === linked.length) continue;
      now[index] = await proposeOne(parts, wanted, { part, linked, facts, signal });
      told.set(checkout, linked.length);
    }
  }
  return now;
};

/** The deliveries of a run whose requests are looked after no more, for this reason if there is one to tell. Pure. */
export const followedNoMore = ({ delivered, additionalRepositories }: Deliveries, why?: string): Deliveries => {
  const ended = (one: Delivered | null): Delivered | null => {
    if (one === null) return null;
    const notes = why !== undefined && one.isFollowed ? [...one.notes, why] : one.notes;
    return { ...one, isFollowed: false, notes };
  };
  return {
    delivered: ended(delivered),
    additionalRepositories: additionalRepositories.map((each) => ({ ...each, delivered: ended(each.delivered) })),
  };
};

/**
 * Delivers once, and gives how far all repositories are. `problem`: what went wrong, null when nothing did; `again`: it is worth another try as it is.
 * Throws the signal's reason, and what is wrong on this server's own side.
 */
export const deliverOnce = async (
  parts: DeliveryParts,
  wanted: DeliveryWanted,
  signal: AbortSignal,
): Promise<{ deliveries: Deliveries; problem: string | null; again: boolean }> => {
  const { run, settings } = wanted;
  const earlierRun = run.continues === null ? null : await parts.stores.runs.find(run.continues.runId);
  let now: Part[] = [];
  for (const checkout of checkoutsOf(run)) now.push(await pushOne(parts, wanted, { checkout, earlierRun, signal }));
  const [first] = now;
  if (first !== undefined && now.every(({ isUnchanged }) => isUnchanged)) {
    const at = parts.deps.clock.now().toISOString();
    const nothing = failed(begun(wanted, first.checkout, at), "There is nothing to push: no file was changed.");
    now = [{ ...first, delivered: nothing }, ...now.slice(1)];
  }
  // Requests of which one has nothing to show yet would be merged without it.
  const isReady = now.every(({ delivered }) => delivered?.state !== "failed");
  if (isReady && settings.to === "pull_request") now = await proposeAll(parts, wanted, { pushed: now, signal });
  const wrong = now.filter(({ delivered }) => delivered?.state === "failed");
  return {
    deliveries: {
      delivered: now[0]?.delivered ?? null,
      additionalRepositories: run.additionalRepositories.map((each, index) => ({
        ...each,
        delivered: now[index + 1]?.delivered ?? null,
      })),
    },
    problem: wrong.length === 0 ? null : wrong.map(({ delivered }) => delivered?.problem ?? "").join(" "),
    again: wrong.length > 0 && wrong.every(({ again }) => again),
  };
};
