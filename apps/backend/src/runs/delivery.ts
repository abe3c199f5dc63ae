import { branchFor, type DeliverySettings, deliveriesOf, isDelivered, isFinal, type Run } from "@ccr/protocol";
import type { Ending } from "../store/progress-types.ts";
import { type Deliveries, FenceLostError, type Store } from "../store/types.ts";
import { listed } from "./attempt.ts";
import { cutShort, type DeliveryWanted, deliverOnce, stillPushing } from "./deliver-once.ts";
import type { RunDeps } from "./deps.ts";
import { ending, endingOfError } from "./ending.ts";
import { Leaving } from "./patience.ts";
import { messageOf, type Scene } from "./scene.ts";

/*
 * The result of a run that passed goes to a branch, and a pull request is opened for it. All of it is done on the host, from the copy that is
 * kept there, after the sandbox is gone; each part can be done again without harm, so whoever takes a run over does it again.
 */

// What a host that is restarted needs; then a person is told, and may push again whenever they like.
const PAUSES_MS = [2_000, 10_000, 30_000];

const told = (deliveries: Deliveries): string => {
  const all = deliveriesOf(deliveries);
  const where = [
    ...new Set(
      all.map(({ branch, pullRequest }) => (pullRequest === null ? `on the branch '${branch}'` : `in ${pullRequest.url}`)),
    ),
  ];
  return [`The work is ${listed(where)}.`, ...all.flatMap(({ notes }) => notes)].join(" ");
};

/** What is to be delivered of a run that ends so; null: nothing. */
const wantedOf = ({ run }: Scene, end: Ending): DeliveryWanted | null =>
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
  let known: Deliveries | null = null;
  const keep = async (deliveries: Deliveries): Promise<Run> => {
    known = deliveries;
    return stores.runs.patch(scene.run.id, fence, { deliveries });
  };
  /** What is done stays on record, whatever ends the rest. */
  const cutOff = async (why: string): Promise<void> => {
    if (known !== null) await keep(cutShort(known, deps.outlet.hide(why)));
  };
  try {
    let run = (await stores.runs.find(scene.run.id)) ?? scene.run;
    // What an earlier supervisor delivered is not done twice.
    if (isDelivered(run)) return { ...end, sentence: `${end.sentence} ${told(run)}` };
    await tell("started", `Pushing the work to the branch '${branchFor(wanted.settings.branch, run)}'.`);
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      await scene.hold();
      const progress = async (deliveries: Deliveries): Promise<void> => {
        await keep(deliveries);
      };
      const { deliveries, problem, again } = await deliverOnce({ deps, stores }, { ...wanted, run }, { progress, signal });
      const pauseMs = again ? PAUSES_MS[tries] : undefined;
      run = await keep(pauseMs === undefined ? deliveries : stillPushing(deliveries));
      if (problem === null) {
        await tell("finished", told(deliveries));
        return { ...end, sentence: `${end.sentence} ${told(deliveries)}` };
      }
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
    const problem = messageOf(why);
    await cutOff(problem);
    if (signal.aborted) return endingOfError(why);
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
  let known: Deliveries | null = null;
  const keep = async (deliveries: Deliveries): Promise<Run> => {
    known = deliveries;
    return (await store.deliveries.save(run.id, deliveries)) ?? run;
  };
  const progress = async (deliveries: Deliveries): Promise<void> => {
    await keep(deliveries);
  };
  try {
    const { deliveries } = await deliverOnce({ deps, stores: store }, { run, settings, outcome }, { progress, signal });
    return await keep(deliveries);
  } catch (error) {
    if (known !== null) await keep(cutShort(known, deps.outlet.hide(messageOf(error))));
    throw error;
  }
};
