import { CcrError, checkoutsOf, type InstanceId, setsUpAlone } from "@ccr/protocol";
import { FenceLostError } from "../store/types.ts";
import { listed } from "./attempt.ts";
import { attachCheckout, dropCheckout } from "./checkout.ts";
import type { KeptWork, MirroredRepository } from "./deps.ts";
import { RunEnded } from "./ending.ts";
import { prepare as findImage } from "./environment.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { tend } from "./guard.ts";
import { trailerOf } from "./proposal.ts";
import { lossOf } from "./reach.ts";
import { inDirectory, mirrorMount, noteCommits } from "./repositories.ts";
import {
  attachSandbox,
  clear,
  driverNamed,
  imageOf,
  isDriverAway,
  isHere,
  type OpenedSandbox,
  openSandbox,
  sandboxNotMade,
  sandboxOf,
} from "./sandboxes.ts";
import { messageOf, type Scene } from "./scene.ts";
import { restoreSetup, setUp } from "./set-up.ts";
import { describeStart, fetchAll, giveConversation, giveKept, mirrorsOf, type Source } from "./sources.ts";
import { transition } from "./transition.ts";
import { closeDoor, openDoor, withGateway } from "./way-out.ts";
import { type Workplace, workplaceAt } from "./workplace.ts";

/** A run whose server ended so often while it was starting is not tried again: it may be what ends it. */
const LAUNCHES_MAX = 5;

// An engine that is restarted is back within seconds; a person who has none should not wait for long to hear of it.
const DRIVER_BACK_WITHIN_MS = 30_000;
const TRY_EVERY_MS = 3000;

/** So often a sandbox may die before its agent began. */
const SANDBOXES_MAX = 3;

/** From a claimed run to one whose agent works. A sandbox that dies on the way is made anew. Throws `RunEnded`. */
export const launch = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { fence, deps, log } = scene;
  if (fence > LAUNCHES_MAX)
    throw new RunEnded("sandbox_failed", `It was launched ${LAUNCHES_MAX} times, and the server ended each time before it ran.`);
  const startedAt = deps.clock.elapsedMs();
  for (let deaths = 0; ; ) {
    await undoPatiently(scene, signal);
    try {
      return await launchOnce(scene, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ExecutorLostError && ++deaths < SANDBOXES_MAX) {
        deps.metrics.resumed("sandbox");
        await log.write({ type: "resumed", after: "sandbox", text: `${error.message} The run is launched anew.` });
      } else if (isDriverAway(error) && deps.clock.elapsedMs() - startedAt < DRIVER_BACK_WITHIN_MS) {
        // The stage that failed has told why.
        await deps.clock.wait(TRY_EVERY_MS, signal);
        signal.throwIfAborted();
      } else throw error;
    }
  }
};

/** What cannot be removed while the driver is away is removed when it is back, or by the reaper. */
const undoPatiently = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { deps, run } = scene;
  const startedAt = deps.clock.elapsedMs();
  for (;;) {
    try {
      await clearInstances(scene);
      return await withGateway(scene, () => closeDoor(scene), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FenceLostError) throw error;
      if (deps.clock.elapsedMs() - startedAt >= DRIVER_BACK_WITHIN_MS) throw await sandboxNotMade(deps, error);
      deps.log("warn", "what a launch left cannot be removed now; trying again", { runId: run.id, error: messageOf(error) });
      await deps.clock.wait(TRY_EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }
};

/** Fetches the mirror, makes the sandbox with its two doors, and clones. Throws `RunEnded`, and `ExecutorLostError` when the sandbox died. */
const launchOnce = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { run, fence, deps, stores, log } = scene;
  await log.write({ type: "status", status: "starting", sentence: "The run is starting." });
  const sources = await log.stage("mirror", (report) => fetchAll(scene, { report, signal }), {
    started: `Fetching ${listed(checkoutsOf(run).map(({ repository }) => repository))}.`,
    finished: (all) =>
      `Fetched ${all.map((source) => `${source.checkout.repository}; ${describeStart(source)}`).join(". Fetched ")}.`,
  });
  const [{ mirror: repository }] = sources;
  const instanceId = deps.newInstanceId();
  const { driver } = deps;
  await stores.runs.patch(run.id, fence, { instanceId, driver: driver.name });
  await noteCommits(
    scene,
    "baseCommit",
    sources.map(({ mirror }) => mirror.commit),
  );
  const image = await prepareImage(scene, repository, signal);
  const found = await setUp(scene, { sources, image }, signal);
  using held = found?.held;
  scene.prepared = { baseImage: null, ...scene.prepared, setup: found?.key ?? null };
  await stores.runs.patch(run.id, fence, { prepared: scene.prepared });
  if (setsUpAlone(run)) {
    const beyond =
      found === null ? "It has no script to run." : found.isMade ? "" : "It was set up before, so that nothing had to be run.";
    throw new RunEnded("set_up", beyond);
  }
  let conversation: Awaited<ReturnType<KeptWork["giveConversation"]>> = null;
  let kept: Awaited<ReturnType<typeof giveKept>> = new Map();
  const opened = await log.stage(
    "sandbox",
    async () => {
      const place = await prepare(scene, instanceId, signal);
      conversation = await giveConversation(scene, place);
      kept = await giveKept(scene, sources, place);
      const wanted = {
        run,
        fence,
        instanceId,
        place,
        driver,
        image,
        mirrors: mirrorsOf(sources),
        isGiven: conversation !== null || kept.size > 0,
        setup: held?.path ?? null,
        prewarm: conversation === null,
      };
      return openSandbox(scene, wanted, signal);
    },
    { started: `Making a sandbox with ${driver.name}.`, finished: () => "The sandbox is ready." },
  );
  scene.sandbox = opened;
  await tend(scene, opened);
  const until = AbortSignal.any([signal, opened.cut.signal]);
  const ready = async (): Promise<void> => {
    await clone(scene, opened, { sources, kept, isRestored: held !== undefined, signal: until });
    if (held !== undefined) await restoreSetup(scene, opened, signal);
  };
  await log.stage("clone", ready, {
    started: held === undefined ? "Cloning into the workspace." : "Cloning into the workspace, and copying what the set-up left.",
    finished: () => "The workspace is ready.",
  });
  await goOnFrom(scene, opened, { conversation, signal: until });
  await startRunning(scene);
};

/** Takes back what an earlier launch of the run has made, wherever it was cut: the agent had not begun. Idempotent. */
export const undoLaunch = async (scene: Scene): Promise<void> => {
  await clearInstances(scene);
  await closeDoor(scene);
};

const clearInstances = async (scene: Scene): Promise<void> => {
  const { run, deps, stores } = scene;
  await scene.guard?.stop();
  await scene.requests?.stop();
  scene.sandbox = null;
  scene.guard = null;
  await dropCheckout(scene);
  scene.requests = null;
  const records = await stores.instances.listRecords({ runId: run.id });
  // Asked after the list was read, so that none of it is of somebody who took the run over.
  await scene.hold();
  for (const record of records) {
    // What is on another machine is for the server there, when it comes back.
    if (isHere(deps, record)) await clear(deps, record, scene.fence);
  }
};

const prepareImage = async (scene: Scene, repository: MirroredRepository, signal: AbortSignal): Promise<string> => {
  const { deps, log } = scene;
  const ready = async (report: (text: string) => void): Promise<string> => {
    scene.prepared = await findImage(scene, { repository, report }, signal);
    return imageOf(scene, report, signal);
  };
  if (deps.images === null) return ready(() => {});
  try {
    return await log.stage("image", ready, {
      started: "Looking for the executor image.",
      finished: (image) => `The image is ${image}.`,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FenceLostError) throw error;
    if (error instanceof CcrError && error.code === "unprocessable")
      throw new RunEnded("setup_failed", error.message, { cause: error });
    throw await sandboxNotMade(deps, error);
  }
};

/** Makes the folders and opens the way out, so that both are there before the sandbox is. */
const prepare = async (scene: Scene, instanceId: InstanceId, signal: AbortSignal): Promise<Workplace> => {
  const { run, fence, deps, stores } = scene;
  const place = deps.places.of(instanceId);
  await stores.instances.create({ id: instanceId, runId: run.id, driver: deps.driver.name, server: deps.server, place }, fence);
  const workplace = workplaceAt(place);
  await deps.places.make(workplace);
  await openDoor(scene, { place: workplace, beside: null }, signal);
  return workplace;
};

const clone = async (
  scene: Scene,
  { executor }: OpenedSandbox,
  options: {
    sources: readonly Source[];
    kept: Awaited<ReturnType<typeof giveKept>>;
    isRestored: boolean;
    signal: AbortSignal;
  },
): Promise<void> => {
  const { run } = scene;
  const { sources, kept, isRestored, signal } = options;
  const failed = (error: unknown): never => {
    signal.throwIfAborted();
    throw lossOf(error) ?? new RunEnded("clone_failed", messageOf(error), { cause: error });
  };
  const { outlet } = scene.deps;
  const { name: githubUsername, email } = outlet.author;
  const commitTrailer = trailerOf(outlet.linkTo(run.id));
  await executor.initGit({ githubUsername, email, commitTrailer }, signal).catch(failed);
  const commits: string[] = [];
  for (const [index, source] of sources.entries()) {
    const { checkout, mirror } = source;
    const ref = kept.get(source) ?? (checkout.ref === null ? {} : { ref: mirror.ref.name });
    const moreFollows = isRestored || index < sources.length - 1;
    const input = { repositoryUrl: mirror.cloneUrl, mirrorPath: mirrorMount(checkout), moreFollows, ...ref };
    commits.push((await executor.gitClone({ ...input, ...inDirectory(checkout) }, signal).catch(failed)).commit);
  }
  await noteCommits(scene, "baseCommit", commits);
  const heads = sources.map((source) => source.kept?.headCommit ?? source.mirror.commit);
  if (kept.size > 0) await noteCommits(scene, "headCommit", heads);
};

/** Lets the agent go on in the conversation of the run that this one continues; where that is not kept, a new one begins, and it is told so. */
const goOnFrom = async (
  { run, log }: Scene,
  { executor }: OpenedSandbox,
  options: { conversation: Awaited<ReturnType<KeptWork["giveConversation"]>>; signal: AbortSignal },
): Promise<void> => {
  const { conversation, signal } = options;
  if (run.continues === null) return;
  if (conversation === null) {
    await log.write({ type: "note", text: `The conversation of ${run.continues.runId} is not kept here: a new one begins.` });
    return;
  }
  const { session, file } = conversation;
  await executor.adopt({ session, path: `/given/${file}` }, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw lossOf(error) ?? error;
  });
};

/** From here on the agent works; the person may have wished to cancel in between. */
const startRunning = async (scene: Scene): Promise<void> => {
  const { run, fence, deps, stores } = scene;
  const next = transition("starting", { type: "sandbox_ready" });
  if (!next.legal) throw new Error(next.why);
  const startedAt = deps.clock.now();
  const running = await stores.runs.advance(run.id, {
    from: ["starting"],
    to: next.status,
    fence,
    patch: { startedAt: startedAt.toISOString() },
    message: { source: "runner", body: { type: "status", status: next.status, sentence: "Claude Code is working." } },
  });
  // A try whose answer got lost may have been stored.
  if (running === null && (await stores.runs.find(run.id))?.status !== next.status) {
    await scene.hold();
    throw new RunEnded("canceled");
  }
  scene.isRunning = true;
  await stores.instances.setStatus(sandboxOf(scene).instanceId, "executing", fence);
  deps.metrics.started(Math.max(0, startedAt.getTime() - Date.parse(run.createdAt)));
};

/**
 * Takes up the sandbox of a run that an earlier supervisor left, dead or alive; a dead one is revived by whoever asks it something. Throws
 * `RunEnded` when it cannot be reached from here.
 */
export const takeUp = async (scene: Scene): Promise<void> => {
  const { run, fence, deps, stores } = scene;
  const record = run.instanceId === null ? null : await stores.instances.findRecord(run.instanceId);
  if (record === null || record.handle === null) throw new RunEnded("sandbox_lost", "Nothing is known of its sandbox.");
  if (!isHere(deps, record) || !(await deps.places.has(workplaceAt(record.place)))) {
    throw record.server === deps.server
      ? new RunEnded("sandbox_lost", "Nothing is left of its workspace.")
      : new RunEnded("server_lost", `It was on ${record.place.machine}.`);
  }
  driverNamed(deps, record.handle.driver);
  scene.sandbox = attachSandbox(deps, record, fence);
  await stores.instances.setServer(record.id, deps.server, fence);
};

/** Goes on with a run that an earlier supervisor left running. Throws `RunEnded`. */
export const resume = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { run, deps, log } = scene;
  await takeUp(scene);
  const opened = sandboxOf(scene);
  const checkout = await attachCheckout(scene);
  await openDoor(scene, { place: opened.place, beside: checkout?.place ?? null }, signal);
  deps.metrics.resumed("server");
  await log.write({
    type: "resumed",
    after: "server",
    text: "The server that drove the run was away. The agent was not: the run goes on from where it is.",
  });
  deps.log("info", "taking up a run that was left", { runId: run.id });
  await tend(scene, opened);
};
