import { checkoutsOf, deliveriesOf, type Run, type RunId } from "@ccr/protocol";
import { type Background, inBackground } from "./background.ts";
import { followedNoMore } from "./deliver-once.ts";
import type { RunDeps } from "./deps.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { decideFollowUp, type Looked, launchFollowUp } from "./follow-up.ts";
import { messageOf } from "./scene.ts";

/** A chain is as long as its follow-ups, and what people asked for in between. */
const CHAIN_MAX = 200;

/** The runs that went on from one, and from those, in order. */
const chainOf = async ({ store }: Pick<RunDeps, "store">, id: RunId): Promise<Run[]> => {
  const chain: Run[] = [];
  for (let last = id; chain.length < CHAIN_MAX; ) {
    const next = (await store.deliveries.listContinuing(last)).at(-1);
    if (next === undefined) break;
    chain.push(next);
    last = next.id;
  }
  return chain;
};

/** What the hosts say of the requests of a run that are looked after; those whose host is not known are left out. */
const look = async (
  { reviews }: Pick<RunDeps, "reviews">,
  { root, after }: { root: Run; after: readonly Run[] },
  signal: AbortSignal,
): Promise<Looked[]> => {
  const looked: Looked[] = [];
  // As long as the first run is followed, what came of it is.
  if (!deliveriesOf(root).some(({ isFollowed }) => isFollowed)) return looked;
  for (const { repository, directory } of checkoutsOf(root)) {
    // The newest that is known: one of the runs may have been the first to change something there, or have opened another one.
    const all = [root, ...after].flatMap(
      (run) => checkoutsOf(run).find((each) => each.repository === repository)?.delivered ?? [],
    );
    const number = all.findLast(({ pullRequest }) => pullRequest !== null)?.pullRequest?.number;
    if (number === undefined) continue;
    const commit = all.findLast(({ isPushed }) => isPushed)?.commit ?? "";
    const review = await reviews.look({ repository }, { number, commit }, signal);
    if (review !== null) looked.push({ repository, directory, isFirst: repository === root.repository, review });
  }
  return looked;
};

/** Looks at the pull requests of a run that has ended, and does what there is to do. */
const lookAfter = async (deps: RunDeps, root: Run, signal: AbortSignal): Promise<"launched" | "nothing"> => {
  const { store } = deps;
  const stop = async (why: string): Promise<"nothing"> => {
    await store.deliveries.save(root.id, followedNoMore(root, `It is not looked after any more. ${why}`));
    return "nothing";
  };
  const after = await chainOf(deps, root.id);
  const pushed = [root, ...after].findLast((run) => deliveriesOf(run).some(({ isPushed }) => isPushed)) ?? root;
  const looked = await look(deps, { root, after }, signal);
  if (looked.length === 0) return stop("Its host is not known to this server.");
  const next = decideFollowUp(root, after, looked);
  if (next.kind === "over") return stop(next.why);
  if (next.kind === "wait") return "nothing";
  const number = after.filter(({ continues }) => continues !== null && continues.because !== "person").length + 1;
  const { because, instructions, lastComment, lastComments } = next;
  await launchFollowUp(deps, pushed, {
    root,
    instructions,
    continuation: { runId: after.at(-1)?.id ?? root.id, because, number, lastComment, lastComments },
    over: looked.flatMap(({ repository, review }) => (review.state === "open" ? [] : [repository])),
    // Whoever else looks at the same time, or again after a kill, gets the same run.
    idempotencyKey: `follow-up ${root.id} ${number}`,
  });
  return "launched";
};

/**
 * Looks after the pull requests of runs of this server, every `everyMs`, until it is stopped: what checks and reviewers find starts a run, which the
 * dispatcher is told of. A host that cannot be asked is asked the next time.
 */
export const followPullRequests = (deps: RunDeps, dispatcher: Pick<Dispatcher, "wake">, everyMs: number): Background => {
  const { store, log, clock, server } = deps;
  return inBackground(async (signal) => {
    while (!signal.aborted) {
      try {
        for (const root of await store.deliveries.listFollowed()) {
          if (signal.aborted) return;
          // Its conversation is kept where it ran.
          const record = root.instanceId === null ? null : await store.instances.findRecord(root.instanceId);
          if (record !== null && record.server !== server) continue;
          const done = await lookAfter(deps, root, signal).catch((error: unknown) => {
            if (!signal.aborted)
              log("warn", "a pull request could not be looked after", { runId: root.id, error: messageOf(error) });
            return "nothing" as const;
          });
          if (done === "launched") dispatcher.wake();
        }
      } catch (error) {
        if (!signal.aborted) log("warn", "the pull requests could not be looked after", { error: messageOf(error) });
      }
      await clock.wait(everyMs, signal);
    }
  });
};
