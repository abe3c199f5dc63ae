import { isFinal, type WorkspaceDiff } from "@ccr/protocol";
import type { InstanceRecord } from "../store/instance-types.ts";
import type { Ending } from "../store/progress-types.ts";
import { type Claim, FenceLostError } from "../store/types.ts";
import { followAllowedHosts } from "./allowed-hosts.ts";
import { inBackground } from "./background.ts";
import { closeCheckout, dropCheckout } from "./checkout.ts";
import { within } from "./clock.ts";
import { keepCopies } from "./copies.ts";
import { deliver } from "./delivery.ts";
import type { RunDeps } from "./deps.ts";
import { ending, endingOfError, passed, RunEnded } from "./ending.ts";
import { launch, resume, takeUp, undoLaunch } from "./launch.ts";
import { keepLease } from "./lease.ts";
import { Leaving } from "./patience.ts";
import { isHere, takeDown } from "./sandboxes.ts";
import { checkedDiff, saveWork } from "./save.ts";
import { describeError, type Scene, setScene, whileActive } from "./scene.ts";
import { workOnSteps } from "./steps.ts";
import { listenToPeople } from "./talk/listening.ts";
import { tellWhetherWaiting } from "./talk/questions.ts";
import { transition } from "./transition.ts";
import { closeDoor } from "./way-out.ts";
import { workplaceAt } from "./workplace.ts";

// A closed door ends its audit's stream; reading what is left of it may take this long.
const AUDIT_DRAIN_MS = 2000;
const ANSWER_WITHIN_MS = 5000;

/**
 * The story of one run, from the claim to its final status: launch it, or take it up where an earlier supervisor left it; work on each
 * step; then always, whatever happened and on signals of its own: save the work, destroy the sandbox, close the doors; deliver what passed;
 * store the final status; remove the folders.
 *
 * At every moment the store knows enough for another supervisor to go on from there. `signal` aborts with a `RunEnded` as its reason, which
 * ends the run, or with `Leaving`, which leaves it to the next server. `closing` says that this server ends: what cannot be stored then is
 * left to the next one, too. Never rejects. When the fencing number is lost, everything is left to the new owner.
 */
export const superviseRun = async (options: {
  claim: Claim;
  deps: RunDeps;
  signal: AbortSignal;
  closing: AbortSignal;
}): Promise<void> => {
  const { claim, deps, closing } = options;
  const { id } = claim.run;
  const stopping = new AbortController();
  const stop = (why: Error): void => stopping.abort(why);
  const scene = setScene({ claim, deps, stop, closing });
  const lease = inBackground((until) => keepLease(scene, stop, until));
  const allowed = inBackground((until) => followAllowedHosts(scene, until));
  try {
    const until = AbortSignal.any([options.signal, stopping.signal]);
    const end = await work(scene, until);
    // Whatever runs in it still is not to hinder what comes.
    if (scene.sandbox !== null) await closeCheckout(scene);
    const told = await save(scene, end);
    const left = await release(scene);
    await finish(scene, await deliver(scene, told, until));
    await removePlaces(scene, left);
  } catch (error) {
    if (error instanceof FenceLostError) {
      deps.metrics.leaseLost();
      deps.log("warn", "another server drives this run now", { runId: id });
      await withdraw(scene);
    } else if (error instanceof Leaving) await leave(scene);
    else {
      deps.log("error", "the run's end could not be stored; whoever takes it up next does", {
        runId: id,
        error: describeError(error),
      });
    }
  } finally {
    await scene.guard?.stop();
    await dropCheckout(scene);
    await scene.requests?.stop();
    await allowed.stop();
    await lease.stop();
    deps.metrics.spool(id, null);
  }
};

/** All that can be cut short, up to the end of the last step. Rejects with `FenceLostError` and `Leaving` alone. */
const work = async (scene: Scene, signal: AbortSignal): Promise<Ending> => {
  const { run, deps, progress } = scene;
  try {
    signal.throwIfAborted();
    if (progress?.phase.kind === "over") return await takeUpEnded(scene, progress.phase);
    if (run.status === "canceling") {
      await takeUp(scene);
      throw new RunEnded("canceled");
    }
    if (run.status !== "starting") {
      await resume(scene, signal);
      await countTimeAway(scene);
    }
    const { timeSeconds } = run.limits;
    const late = () => new RunEnded("limit_time", `It may take ${timeSeconds} s; launch again with a higher limit on time.`);
    const failed = await whileActive(scene, { untilMs: timeSeconds * 1000, signal, late }, async (until) => {
      try {
        if (run.status === "starting") await launch(scene, until);
        scene.copies = inBackground((stopped) => keepCopies(scene, stopped));
        scene.people = inBackground((stopped) => listenToPeople(scene, stopped));
        await tellWhetherWaiting(scene);
        return await workOnSteps(scene, until);
      } catch (error) {
        until.throwIfAborted();
        throw error;
      }
    });
    return failed ?? ending("passed");
  } catch (error) {
    const why: unknown = signal.aborted ? signal.reason : error;
    if (why instanceof FenceLostError || why instanceof Leaving) throw why;
    // What refused us may have done so because somebody else drives the run now.
    await scene.hold();
    const end = endingOfError(why);
    if (end.reason === "internal")
      deps.log("error", "a run ended by an error of ours", { runId: run.id, error: describeError(why) });
    return end;
  } finally {
    await scene.people?.stop();
    await scene.copies?.stop();
    await scene.guard?.stop();
    await dropCheckout(scene);
  }
};

/** What was left of a run whose end was decided already: only its work may still have to be saved. */
const takeUpEnded = async (scene: Scene, { end, saved }: { end: Ending; saved: boolean }): Promise<Ending> => {
  if (saved) return end;
  try {
    await takeUp(scene);
    return end;
  } catch (error) {
    if (!(error instanceof RunEnded)) throw error;
    const diff = end.reason === "passed" ? await checkedDiff(scene) : null;
    if (diff !== null) return passed(scene.run, changedIn(diff));
    const aside = await findAside(scene);
    const sentence = aside === null ? error.message : `Its changes could not be read; the workspace is kept in ${aside}.`;
    return end.reason === "passed" ? ending("result_lost", sentence) : { ...end, sentence: `${end.sentence} ${sentence}` };
  }
};

const changedIn = ({ files }: WorkspaceDiff): string[] =>
  files.flatMap(({ path, oldPath }) => (oldPath === null ? [path] : [path, oldPath]));

/** Where an earlier supervisor put the workspace, if it came to that. */
const findAside = async ({ run, deps, stores }: Scene): Promise<string | null> => {
  const record = run.instanceId === null ? null : await stores.instances.findRecord(run.instanceId);
  return record === null ? null : deps.places.findKept(record.place, run.id);
};

/**
 * The agent's time goes on while nobody drives the run; its executor knows how long that was, by a clock that nobody sets. One that has
 * finished since has waited, and not worked: what it did is looked at whatever the time.
 */
const countTimeAway = async (scene: Scene): Promise<void> => {
  const { sandbox, deps, progress } = scene;
  if (sandbox === null || progress?.phase.kind !== "agent") return;
  const { sinceMs = progress.startedMs } = progress.phase;
  try {
    const { executingMs } = await within(deps.clock, { ms: ANSWER_WITHIN_MS }, (signal) => sandbox.executor.health(signal));
    if (executingMs !== null) scene.wasActive(sinceMs + executingMs);
  } catch {
    // One that is dead did no work either; it is looked at when it is asked next.
  }
};

/** Brings the work to safety and gives the end to tell: nothing is called a success whose result is lost. */
const save = async (scene: Scene, end: Ending): Promise<Ending> => {
  const { run, log, sandbox, progress, checked } = scene;
  // Before the agent begins there is nothing to save, and at the second time nothing more.
  const isSaved = progress?.phase.kind === "over" && progress.phase.saved;
  if (sandbox === null || !scene.isRunning || isSaved) return end;
  const over = (told: Ending, saved: boolean) => ({
    progress: {
      ...(progress ?? { stepIndex: 0, attempt: 1, startedMs: 0 }),
      phase: { kind: "over" as const, end: told, saved, ...(checked === null ? {} : { checked }) },
    },
  });
  await log.record([], over(end, false));
  const saved = await saveWork(scene);
  const told =
    end.reason !== "passed"
      ? saved.saved
        ? end
        : { ...end, sentence: `${end.sentence} ${saved.sentence}` }
      : !saved.saved
        ? ending("result_lost", saved.sentence)
        : saved.isChecked
          ? passed(run, changedIn(saved.diff))
          : ending("result_lost", "What passed the checks is not kept here, and the workspace has changed since.");
  await log.record([], over(told, true));
  return told;
};

/**
 * Takes down what the run acquired, but for its folders, and gives the instances whose folders can be removed. What cannot be taken down
 * now is the reaper's: the run's end is told all the same.
 */
const release = async (scene: Scene): Promise<InstanceRecord[]> => {
  const { run, deps, stores } = scene;
  const records = await stores.instances.listRecords({ runId: run.id });
  // Asked as late as can be: somebody who took the run over goes on in the same sandbox.
  await scene.hold();
  const down: InstanceRecord[] = [];
  const guarded = async (what: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => deps.log("error", `${what} failed`, { runId: run.id, error: describeError(error) }));
  };
  for (const record of records) {
    // What is on another machine is for the server there, when it comes back.
    if (!isHere(deps, record)) continue;
    await guarded("taking down the sandbox", async () => {
      await takeDown(deps, record, scene.fence);
      down.push(record);
    });
  }
  // A closed door ends its audit, which is then read to its end.
  await guarded("closing the door", () => closeDoor(scene));
  await guarded("reading the rest of the requests", async () =>
    scene.requests?.stop((ended) => deps.clock.wait(AUDIT_DRAIN_MS, ended)),
  );
  return down;
};

/** Stores the end, with the message that tells it. */
const finish = async ({ run, fence, deps, stores }: Scene, end: Ending): Promise<void> => {
  for (;;) {
    const now = await stores.runs.find(run.id);
    if (now === null || isFinal(now.status)) return;
    const next = transition(now.status, { type: "ended", ...end });
    if (!next.legal || next.reason === null || !isFinal(next.status))
      throw new Error(next.legal ? "an end without a reason" : next.why);
    const { status, reason } = next;
    const sentence = next.sentence ?? end.sentence;
    const ended = await stores.runs.advance(run.id, {
      from: [now.status],
      to: status,
      fence,
      patch: { reason, sentence, endedAt: deps.clock.now().toISOString(), questions: [] },
      message: { source: "runner", body: { type: "status", status, reason, sentence } },
    });
    if (ended !== null) {
      deps.metrics.ended({ status, reason });
      deps.log("info", `run ${status}`, { runId: run.id, reason });
      return;
    }
    // The person wished to cancel in between: look again. Or another server drives the run now.
    const after = await stores.runs.find(run.id);
    if (after?.status === now.status) throw new FenceLostError(`${run.id} is driven by somebody else now`);
  }
};

/** Removes the folders of a run that is final: until then they are what a run that was cut here would go on from. */
const removePlaces = async ({ deps, run }: Scene, records: readonly InstanceRecord[]): Promise<void> => {
  for (const { place } of records) {
    await deps.places.remove(workplaceAt(place)).catch((error: unknown) => {
      deps.log("error", "removing the folders of a sandbox failed; the reaper tries again", {
        runId: run.id,
        error: describeError(error),
      });
    });
  }
};

/** Another one drives the run, through a door of its own: nothing of it goes through ours any more. */
const withdraw = async (scene: Scene): Promise<void> => {
  const { run, deps } = scene;
  await closeDoor(scene).catch((error: unknown) => {
    deps.log("warn", "the door of a run that was lost could not be closed; the reaper tries again", {
      runId: run.id,
      error: describeError(error),
    });
  });
};

/** Lets a run go on without us: its agent works, and whoever takes it up finds all in the store. One that has not begun is taken back. */
const leave = async (scene: Scene): Promise<void> => {
  const { run, fence, deps, stores } = scene;
  try {
    // Asked again: that it runs may have been stored without the answer's getting back.
    if (!scene.isRunning && (await stores.runs.find(run.id))?.status === "starting") await undoLaunch(scene);
    await deps.store.queue.release(run.id, fence);
  } catch (error) {
    deps.log("warn", "a run could not be left in order; whoever takes it up next sees to it", {
      runId: run.id,
      error: describeError(error),
    });
  }
};
