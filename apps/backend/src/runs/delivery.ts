import { branchFor, type Delivered, type DeliverySettings, isFinal, type Run } from "@ccr/protocol";
import { type Ending, FenceLostError, type Store } from "../store/types.ts";
import type { Outlet, RunDeps } from "./deps.ts";
import { ending, endingOfError } from "./ending.ts";
import { Leaving } from "./patience.ts";
import { commitMessage, readFacts, requestBody, titleOf } from "./proposal.ts";
import type { Scene } from "./scene.ts";

/*
 * The result of a run that passed goes to a branch, and a pull request is opened for it. All of it is done on the host, from the copy that is
 * kept there, after the sandbox is gone; each part can be done again without harm, so whoever takes a run over does it again.
 */

// What a host that is restarted needs; then a person is told, and may push again whenever they like.
const PAUSES_MS = [2_000, 10_000, 30_000];

type Parts = { deps: Pick<RunDeps, "outlet" | "clock">; stores: Pick<Store, "deliveries" | "transcript"> };
type Wanted = { run: Run; settings: DeliverySettings; outcome: string };

const fresh = ({ run, settings }: Wanted, at: string): Delivered => ({
  state: "pushing",
  branch: branchFor(settings.branch, run),
  commit: null,
  isPushed: false,
  base: null,
  pullRequest: null,
  isFollowed: false,
  notes: [],
  problem: null,
  tries: 0,
  at,
});

/** Opens a pull request for what is pushed, or brings the open one up to date. */
const propose = async (
  { deps: { outlet }, stores }: Parts,
  { run, settings, outcome }: Wanted,
  options: { pushed: Delivered; signal: AbortSignal },
): ReturnType<Outlet["propose"]> => {
  const { pushed, signal } = options;
  if (pushed.base === null)
    return { kind: "none", why: "The repository has no default branch: no pull request can be opened without a base." };
  const link = outlet.linkTo(run.id);
  const facts = await readFacts(stores.transcript, run);
  const { draft, reviewers, labels } = settings;
  return outlet.propose(
    run,
    {
      title: outlet.hide(titleOf({ ...run, delivery: settings })),
      body: outlet.hide(requestBody(run, { facts, link, outcome })),
      headBranch: pushed.branch,
      baseBranch: pushed.base,
      draft,
      reviewers,
      labels,
    },
    signal,
  );
};

/** Delivers once. `again`: it is worth another try as it is. Throws the signal's reason, and what is wrong on this server's own side. */
const tryOnce = async (parts: Parts, wanted: Wanted, signal: AbortSignal): Promise<{ delivered: Delivered; again: boolean }> => {
  const { deps, stores } = parts;
  const { run, settings } = wanted;
  const { outlet, clock } = deps;
  const at = clock.now().toISOString();
  const tries = (run.delivered?.tries ?? 0) + 1;
  const { branch } = fresh(wanted, at);
  const before: Delivered = run.delivered?.branch === branch ? { ...run.delivered, tries, at } : { ...fresh(wanted, at), tries };
  const failed = (problem: string, more: Partial<Delivered> = {}): Delivered => ({
    ...before,
    ...more,
    state: "failed",
    problem: outlet.hide(problem),
  });
  const earlier = await stores.deliveries.list({ repository: run.repository, branch });
  const outcome = await outlet.push(
    run,
    {
      branch,
      base: settings.base,
      from: run.ref,
      author: outlet.author,
      message: outlet.hide(commitMessage({ ...run, delivery: settings }, outlet.linkTo(run.id))),
      isOurs: (commit) => earlier.some((one) => one.commit === commit),
    },
    signal,
  );
  if (outcome.kind === "failed") return { delivered: failed(outcome.message, { commit: outcome.commit }), again: outcome.again };
  const { commit, base } = outcome;
  const pushed: Delivered = { ...before, state: "delivered", commit, base, isPushed: true, problem: null, notes: [] };
  if (settings.to === "branch") return { delivered: pushed, again: false };
  const proposed = await propose(parts, wanted, { pushed, signal });
  switch (proposed.kind) {
    case "open": {
      const { number, url, notes } = proposed;
      return {
        delivered: {
          ...pushed,
          pullRequest: { number, url },
          isFollowed: settings.follow !== null,
          notes: notes.map(outlet.hide),
        },
        again: false,
      };
    }
    case "none":
      return { delivered: { ...pushed, notes: [proposed.why] }, again: false };
    case "failed": {
      const problem = `The branch '${branch}' is pushed, but no pull request could be opened: ${proposed.message}`;
      return { delivered: failed(problem, { commit, base, isPushed: true }), again: proposed.again };
    }
  }
};

const told = ({ branch, pullRequest, notes }: Delivered): string => {
  const where = pullRequest === null ? `The work is on the branch '${branch}'.` : `The work is in ${pullRequest.url}.`;
  return [where, ...notes].join(" ");
};

/** What is to be delivered of a run that ends so; null: nothing. */
const wantedOf = ({ run }: Scene, end: Ending): Wanted | null =>
  end.reason === "passed" && run.delivery?.when === "passed" && run.status !== "canceling"
    ? { run, settings: run.delivery, outcome: end.sentence }
    : null;

/**
 * Delivers the result of a run that passed, with some patience, and gives the end to tell: `push_failed` when it could not be done. Throws
 * `FenceLostError` and `Leaving` alone; another reason of the signal ends the run in its way.
 */
export const deliver = async (scene: Scene, end: Ending, signal: AbortSignal): Promise<Ending> => {
  const { fence, deps, stores, log } = scene;
  const wanted = wantedOf(scene, end);
  if (wanted === null) return end;
  const { clock } = deps;
  const startedAt = clock.elapsedMs();
  const tell = (state: "started" | "progress" | "finished" | "failed", text: string) =>
    log.write({ type: "stage", stage: "push", state, text, durationMs: Math.round(clock.elapsedMs() - startedAt) });
  try {
    let run = (await stores.runs.find(scene.run.id)) ?? scene.run;
    // What an earlier supervisor delivered is not done twice.
    if (run.delivered?.state === "delivered") return { ...end, sentence: `${end.sentence} ${told(run.delivered)}` };
    await tell("started", `Pushing the work to the branch '${branchFor(wanted.settings.branch, run)}'.`);
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      await scene.hold();
      const { delivered, again } = await tryOnce({ deps, stores }, { ...wanted, run }, signal);
      const pauseMs = again ? PAUSES_MS[tries] : undefined;
      run = await stores.runs.patch(run.id, fence, {
        delivered: pauseMs === undefined ? delivered : { ...delivered, state: "pushing" },
      });
      if (delivered.state === "delivered") {
        await tell("finished", told(delivered));
        return { ...end, sentence: `${end.sentence} ${told(delivered)}` };
      }
      const problem = delivered.problem ?? "";
      if (pauseMs === undefined) {
        await tell("failed", problem);
        return ending("push_failed", problem);
      }
      await tell("progress", `${problem} Trying again in ${pauseMs / 1000} s.`);
      await clock.wait(pauseMs, signal);
    }
  } catch (error) {
    const why: unknown = signal.aborted ? signal.reason : error;
    if (why instanceof FenceLostError || why instanceof Leaving) throw why;
    if (signal.aborted) return endingOfError(why);
    const problem = why instanceof Error ? why.message : String(why);
    deps.log("error", "a run's result could not be delivered", { runId: scene.run.id, error: problem });
    await tell("failed", problem);
    return ending("push_failed", deps.outlet.hide(problem));
  }
};

/** Delivers once more, or for the first time, what is kept of a run that has ended. The caller sees to it that it is done once at a time. */
export const deliverAgain = async (
  { deps, store }: { deps: RunDeps; store: Store },
  { run, settings }: { run: Run; settings: DeliverySettings },
  signal: AbortSignal,
): Promise<Run> => {
  if (!isFinal(run.status)) throw new Error(`${run.id} is ${run.status}`);
  const outcome = run.sentence ?? "";
  const { delivered } = await tryOnce({ deps, stores: store }, { run, settings, outcome }, signal);
  return (await store.deliveries.save(run.id, delivered)) ?? run;
};
