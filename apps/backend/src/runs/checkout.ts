import { join } from "node:path";
import { CcrError, checkoutsOf, type RunCheckout } from "@ccr/protocol";
import type { Checkout } from "../store/progress-types.ts";
import { FenceLostError } from "../store/types.ts";
import { listed } from "./attempt.ts";
import { inBackground } from "./background.ts";
import { within } from "./clock.ts";
import { takeCopy } from "./copies.ts";
import type { KeptWork } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { guardSandbox } from "./guard.ts";
import { Leaving } from "./patience.ts";
import { lossOf, reachAgain, whyGone } from "./reach.ts";
import { commitsOf, inDirectory, inWorkspace, mirrorMount } from "./repositories.ts";
import { attachSandbox, clear, isHere, type OpenedSandbox, openPatiently, sandboxOf } from "./sandboxes.ts";
import { describeError, messageOf, type Scene } from "./scene.ts";
import { holdSetup, restoreSetup } from "./set-up.ts";
import { openDoor } from "./way-out.ts";
import { workplaceAt } from "./workplace.ts";

/*
 * Checks run where the agent has never been: in a sandbox of their own, on a clean checkout of what it leaves. Files that git ignores, a
 * changed home or search path, a program that runs on in the background: nothing of that is there.
 */

/** So many sandboxes of one attempt's checks may die. */
const DEATHS_MAX = 5;
const CLOSED_WITHIN_MS = 20_000;
/** So often a snapshot is taken again that somebody changed while it was read. */
const COPIES_MAX = 3;

/** Brings all that the agent did to safety, as what is to be checked, and gives its snapshots: see `workOf`. From now on nothing else is kept. `uncommitted`: see `KeptWork`. `leftOut`: files that are not in it as they are. */
export const commitResult = async (
  scene: Scene,
  signal: AbortSignal,
): Promise<{ commit: string; head: string; uncommitted: string[]; leftOut: string[] }> => {
  scene.isChecking = true;
  for (let tries = 0, copies = 1; ; ) {
    const opened = sandboxOf(scene);
    try {
      const copied = await takeCopy(scene, opened, AbortSignal.any([signal, opened.cut.signal]));
      const { work, head, uncommitted, leftOut } = copied;
      return { commit: work, head, uncommitted, leftOut };
    } catch (error) {
      signal.throwIfAborted();
      const lost = lossOf(error);
      if (lost !== null) await reachAgain(scene, { error: lost, tries: ++tries, signal });
      else if (!(error instanceof CcrError) || error.code === "disk_full") throw error;
      // The workspace changed while it was read, or is nothing that can be kept.
      else if (!["conflict", "not_found"].includes(error.code) || ++copies > COPIES_MAX)
        throw new RunEnded("result_lost", error.message, { cause: error });
    }
  }
};

/** Makes a sandbox with a clean checkout under the id of `checkout`, which is stored already. Throws `ExecutorLostError` when it dies, and `RunEnded`. */
const openCheckout = async (
  scene: Scene,
  checkout: Checkout,
  options: { isSetUp: boolean; signal: AbortSignal },
): Promise<OpenedSandbox> => {
  const { log, stores } = scene;
  // It was made before, and could not be gone on with.
  if ((await stores.instances.findRecord(checkout.instanceId)) !== null)
    throw new ExecutorLostError("The sandbox of the checks was lost.");
  return log.stage("checkout", () => make(scene, checkout, options), {
    started: `Checking out ${listed(commitsOf(checkout.commit).map((commit) => commit.slice(0, 12)))}, as the work stands, in a sandbox of its own for the checks.`,
    finished: () => "The checkout is ready.",
  });
};

const make = async (
  scene: Scene,
  { instanceId, commit }: Checkout,
  { isSetUp, signal }: { isSetUp: boolean; signal: AbortSignal },
): Promise<OpenedSandbox> => {
  const { run, fence, deps, stores } = scene;
  const beside = sandboxOf(scene);
  using held = isSetUp ? await holdSetup(scene, beside.place) : null;
  const { driver } = beside;
  const place = workplaceAt(deps.places.of(instanceId));
  await stores.instances.create(
    { id: instanceId, runId: run.id, driver: driver.name, server: deps.server, place: deps.places.of(instanceId) },
    fence,
  );
  await deps.places.make(place);
  const given = await giveWork(scene, { commit, folder: place.given }, signal);
  await openDoor(scene, { place: beside.place, beside: place }, signal);
  const mirrors = given.flatMap(({ checkout, mirrorPath }) =>
    mirrorPath === null ? [] : [{ path: mirrorPath, target: mirrorMount(checkout) }],
  );
  const opened = await openPatiently(
    scene,
    { run, fence, instanceId, place, driver, mirrors, isGiven: true, setup: held?.path ?? null, prewarm: false },
    signal,
  );
  // What is checked out is a stranger's: the limits hold from now on.
  tendCheckout(scene, opened);
  const until = AbortSignal.any([signal, opened.cut.signal]);
  const failed = (error: unknown): never => {
    signal.throwIfAborted();
    throw lossOf(error) ?? new RunEnded("clone_failed", messageOf(error), { cause: error });
  };
  await opened.executor.initGit({}, until).catch(failed);
  for (const { checkout, mirrorPath, origin, bundle, ref } of given) {
    const mirror = mirrorPath === null ? {} : { mirrorPath: mirrorMount(checkout) };
    const source = { repositoryUrl: origin, ref, bundlePath: `/given/${inWorkspace(checkout, bundle)}`, ...mirror };
    await opened.executor.gitClone({ ...source, ...inDirectory(checkout) }, until).catch(failed);
  }
  if (held !== null) await restoreSetup(scene, opened, signal);
  await stores.instances.setStatus(instanceId, "executing", fence);
  return opened;
};

/** Whoever took the run over from another server has to take a copy of his own first, which is the same as long as nothing was changed. */
const giveWork = async (
  scene: Scene,
  { commit, folder }: { commit: string; folder: string },
  signal: AbortSignal,
): Promise<Given[]> => {
  const give = () => giveAll(scene, commit, folder);
  const given = (await give()) ?? ((await commitResult(scene, signal)).commit === commit ? await give() : null);
  if (given !== null) return given;
  throw new RunEnded(
    "result_lost",
    `What is to be checked, ${commit}, is not kept any more, and the workspace has changed since.`,
  );
};

type Given = NonNullable<Awaited<ReturnType<KeptWork["give"]>>> & { checkout: RunCheckout; ref: string };

/** null: what is kept is not this any more. */
const giveAll = async ({ run, deps }: Scene, commit: string, folder: string): Promise<Given[] | null> => {
  const commits = commitsOf(commit);
  const all: Given[] = [];
  for (const [index, checkout] of checkoutsOf(run).entries()) {
    const ref = commits[index] ?? "";
    const { directory } = checkout;
    const given = await deps.work.give({ runId: run.id, directory }, ref, directory === null ? folder : join(folder, directory));
    if (given === null) return null;
    all.push({ ...given, checkout, ref });
  }
  return all;
};

/** The sandbox of the checks that an earlier supervisor made, if it can be gone on with. */
export const attachCheckout = async (scene: Scene): Promise<OpenedSandbox | null> => {
  const { fence, deps, stores, progress } = scene;
  const phase = progress?.phase;
  if (phase?.kind !== "checks" && phase?.kind !== "judge") return null;
  const instanceId = phase.checkout?.instanceId;
  const record = instanceId === undefined ? null : await stores.instances.findRecord(instanceId);
  if (record === null || record.status === "stopped" || !isHere(deps, record)) return null;
  const opened = attachSandbox(deps, record, fence);
  // One that was not ready is not known to have its checkout.
  if (opened === null || record.status !== "executing") return null;
  await stores.instances.setServer(record.id, deps.server, fence);
  tendCheckout(scene, opened);
  return opened;
};

const tendCheckout = (scene: Scene, opened: OpenedSandbox): void => {
  const guard = inBackground((signal) => guardSandbox(scene, opened, { end: scene.stop, signal }));
  scene.checkout = { opened, guard };
};

/** Looks after the sandbox of the checks no more. What it holds is removed by `closeCheckout`, or with the run. */
export const dropCheckout = async (scene: Scene): Promise<void> => {
  await scene.checkout?.guard.stop();
  scene.checkout = null;
};

/**
 * Removes every sandbox of the run beside that of its agent, with all in it: that of its checks, and those of earlier ones that were cut. What
 * cannot be removed within some seconds is removed with the run, or by the reaper. Throws `FenceLostError` alone.
 */
export const closeCheckout = async (scene: Scene): Promise<void> => {
  const { fence, deps, stores, run } = scene;
  await dropCheckout(scene);
  const { instanceId, place } = sandboxOf(scene);
  try {
    await within(deps.clock, { ms: CLOSED_WITHIN_MS }, async (until) => {
      const records = await stores.instances.listRecords({ runId: run.id });
      const beside = records.filter((record) => record.id !== instanceId && record.status !== "stopped" && isHere(deps, record));
      if (beside.length === 0) return;
      // Before its folder is gone: a door of which a socket has none cannot be opened again by a new gateway.
      await openDoor(scene, { place, beside: null }, until);
      await scene.hold();
      for (const record of beside) {
        until.throwIfAborted();
        await clear(deps, record, fence);
      }
    });
  } catch (error) {
    if (error instanceof FenceLostError || error instanceof Leaving) throw error;
    deps.log("warn", "the sandbox of a run's checks could not be removed; it is removed with the run", {
      runId: run.id,
      error: describeError(error),
    });
  }
};

/** What takes the place of a sandbox of the checks that is dead. Throws `RunEnded` when there were too many. */
const replacement = async (scene: Scene, dead: Checkout, why: string, signal: AbortSignal): Promise<Checkout> => {
  const { deps, log } = scene;
  await closeCheckout(scene);
  signal.throwIfAborted();
  const deaths = dead.deaths + 1;
  if (deaths > DEATHS_MAX)
    throw new RunEnded("sandbox_lost", `${why} A sandbox for the checks was made ${deaths} times, and ended each time.`);
  deps.metrics.resumed("sandbox");
  await log.write({ type: "resumed", after: "sandbox", text: `${why} The checks begin again in a new sandbox.` });
  return { ...dead, instanceId: deps.newInstanceId(), deaths };
};

/**
 * Does something in the sandbox of the checks; when that dies, from the start in a new one, which `replaced` has stored before it is made.
 * Leaves it open.
 */
export const inCheckout = async <Result>(
  scene: Scene,
  checkout: Checkout,
  options: {
    act: (opened: OpenedSandbox, checkout: Checkout) => Promise<Result>;
    replaced: (checkout: Checkout) => Promise<void>;
    /** Whether what the environment's set-up left is to be there. */
    isSetUp: boolean;
    signal: AbortSignal;
  },
): Promise<Result> => {
  const { act, replaced, isSetUp, signal } = options;
  for (let now = checkout; ; ) {
    try {
      return await act(scene.checkout?.opened ?? (await openCheckout(scene, now, { isSetUp, signal })), now);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ExecutorLostError)) throw error;
      now = await replacement(scene, now, error.message, signal);
      await replaced(now);
    }
  }
};

/** Asks an executor something, and again as long as its sandbox is there. Throws `ExecutorLostError` when it is not. */
export const askAgain = async <Result>(
  scene: Scene,
  opened: OpenedSandbox,
  { ask, signal }: { ask: (signal: AbortSignal) => Promise<Result>; signal: AbortSignal },
): Promise<Result> => {
  for (let tries = 0; ; ) {
    try {
      return await ask(AbortSignal.any([signal, opened.cut.signal]));
    } catch (error) {
      signal.throwIfAborted();
      const lost = lossOf(error);
      if (lost === null) throw error;
      const why = await whyGone(scene, opened, { error: lost, tries: ++tries, signal });
      if (why !== null) throw new ExecutorLostError(why, { cause: error });
    }
  }
};
