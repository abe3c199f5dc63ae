import { join } from "node:path";
import { type AgentBody, type AuditRecord, type InstanceId, isFinal, parseRepository, type Run } from "@ccr/protocol";
import { type Claim, FenceLostError } from "../store/types.ts";
import { type Background, inBackground } from "./background.ts";
import type { MirroredRepository, RunDeps } from "./deps.ts";
import { type Ending, ending, endingOfError, passed, RunEnded } from "./ending.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { guardSandbox } from "./guard.ts";
import { type RunLog, runLog } from "./run-log.ts";
import { type OpenedSandbox, openSandbox, sandboxNotMade, takeDown } from "./sandboxes.ts";
import { saveWork } from "./save.ts";
import { countChecks, workOnSteps } from "./steps.ts";
import { transition } from "./transition.ts";
import { addUsage } from "./usage.ts";
import { wait } from "./wait.ts";
import { makeWorkplace, type Workplace, workplaceOf } from "./workplace.ts";

// One host may fill this many lines of a transcript with refused requests; the audit has them all.
const REFUSED_PER_HOST = 5;
// A closed door ends its audit's stream; reading what is left of it may take this long.
const AUDIT_DRAIN_MS = 2000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 10_000;

/** What everything that is done for one run needs. */
type Scene = {
  run: Run;
  fence: number;
  deps: RunDeps;
  log: RunLog;
  instanceId: InstanceId;
  place: Workplace;
  /** Told of each instance before it is made. */
  own: (id: InstanceId) => void;
  heard: (body: AgentBody) => Promise<void>;
  costUsd: () => number;
};

/** What `work` acquired, for those who save and take down after it. */
type Acquired = { opened: OpenedSandbox | null; hasWorkplace: boolean; audit: Background | null };

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/**
 * The story of one run, from the claim to its final status: fetch the mirror, make the sandbox with its two doors, clone, work on
 * each step; then always, whatever happened and on signals of its own: save the work, destroy the sandbox, close the doors; the
 * final status last.
 *
 * `signal` aborts with a `RunEnded` as its reason. `closing` says that the server ends: what cannot be stored then is left to the
 * next start. Never rejects. When the fencing number is lost, everything is left to the new owner.
 */
export const superviseRun = async (options: {
  claim: Claim;
  deps: RunDeps;
  own: (id: InstanceId) => void;
  signal: AbortSignal;
  closing: AbortSignal;
}): Promise<void> => {
  const { claim, deps, own } = options;
  const { run, fence } = claim;
  const limitReached = new AbortController();
  const time = run.limits.timeSeconds;
  const timer = setTimeout(
    () => limitReached.abort(new RunEnded("limit_time", `It may take ${time} s; launch again with a higher limit on time.`)),
    time * 1000,
  );
  const scene = setScene({ run, fence, deps, own });
  const acquired: Acquired = { opened: null, hasWorkplace: false, audit: null };
  try {
    const signal = AbortSignal.any([options.signal, limitReached.signal]);
    const end = await work({ scene, acquired, limitReached, signal });
    const told = await save(scene, acquired, end);
    await release(scene, acquired);
    await finish(scene, told, options.closing);
  } catch (error) {
    if (error instanceof FenceLostError) deps.log("warn", "another server drives this run now", { runId: run.id });
    else
      deps.log("error", "the run's end could not be stored; the next start takes care of it", {
        runId: run.id,
        error: describe(error),
      });
  } finally {
    clearTimeout(timer);
  }
};

const setScene = ({ run, fence, deps, own }: Pick<Scene, "run" | "fence" | "deps" | "own">): Scene => {
  const instanceId = deps.newInstanceId();
  let { usage } = run;
  return {
    run,
    fence,
    deps,
    own,
    instanceId,
    log: runLog(deps.store.transcript, run.id, fence),
    place: workplaceOf(deps.folders, instanceId),
    heard: async (body) => {
      const next = addUsage(usage, body);
      if (next === usage) return;
      usage = next;
      await deps.store.runs.patch(run.id, fence, { usage });
    },
    costUsd: () => usage.costUsd,
  };
};

/** All that can be cut short, up to the end of the last step. Rejects with `FenceLostError` alone. */
const work = async (options: {
  scene: Scene;
  acquired: Acquired;
  limitReached: AbortController;
  signal: AbortSignal;
}): Promise<Ending> => {
  const { scene, acquired, limitReached, signal } = options;
  const { run, fence, deps, log, instanceId } = scene;
  let guard: Background | null = null;
  try {
    signal.throwIfAborted();
    await log.write({ type: "status", status: "starting", sentence: "The run is starting." });
    const address = parseRepository(run.repository);
    if (!address.ok) throw new RunEnded("repository_unreachable", address.message);
    const repository = await log.stage(
      "mirror",
      (report) => deps.mirrors.ensure(address.address, { ref: run.ref ?? undefined, report, signal }),
      {
        started: `Fetching ${run.repository}.`,
        finished: ({ commit }) => `Fetched ${run.repository}; starting from ${commit.slice(0, 12)}.`,
      },
    );
    await deps.store.runs.patch(run.id, fence, { baseCommit: repository.commit, instanceId, driver: deps.driver.name });
    const image = await prepareImage(scene, signal);
    const opened = await log.stage(
      "sandbox",
      async () => {
        await openDoors(scene, acquired);
        return openSandbox(deps, { run, instanceId, place: scene.place, image, mirrorPath: repository.mirrorPath, signal });
      },
      { started: `Making a sandbox with ${deps.driver.name}.`, finished: () => "The sandbox is ready." },
    );
    acquired.opened = opened;
    guard = inBackground((until) =>
      guardSandbox({ ...opened, limits: run.limits, end: (why) => limitReached.abort(why), signal: until }),
    );
    await log.stage("clone", () => clone(scene, opened, { repository, signal }), {
      started: "Cloning into the workspace.",
      finished: () => "The workspace is ready.",
    });
    await startRunning(scene);
    const { heard, costUsd } = scene;
    const failed = await workOnSteps(
      { ...opened, run, fence, instanceId, transcript: deps.store.transcript, heard, costUsd, log, signal },
      async (stepIndex) => {
        await deps.store.runs.patch(run.id, fence, { stepIndex });
      },
    );
    return failed ?? ending("passed");
  } catch (error) {
    const why: unknown = signal.aborted ? signal.reason : error;
    if (why instanceof FenceLostError) throw why;
    const end = endingOfError(why);
    if (end.reason === "internal") deps.log("error", "a run ended by an error of ours", { runId: run.id, error: describe(why) });
    return end;
  } finally {
    await guard?.stop();
  }
};

const prepareImage = async (scene: Scene, signal: AbortSignal): Promise<string> => {
  const { deps, log } = scene;
  const { images } = deps;
  if (images === null) return "";
  try {
    return await log.stage("image", (report) => images.ensureImage(report, signal), {
      started: "Looking for the executor image.",
      finished: (image) => `The image is ${image}.`,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FenceLostError) throw error;
    throw await sandboxNotMade(deps, error);
  }
};

/** Makes the folders and opens the way out, so that both are there before the sandbox is. */
const openDoors = async (scene: Scene, acquired: Acquired): Promise<void> => {
  const { run, deps, place, instanceId, own } = scene;
  own(instanceId);
  await deps.store.instances.create({ id: instanceId, runId: run.id, driver: deps.driver.name });
  acquired.hasWorkplace = true;
  await makeWorkplace(place);
  await deps.doors.open({
    runId: run.id,
    socketPath: place.gatewaySocket,
    auditPath: join(deps.folders.audit, `${run.id}.ndjson`),
    policy: { allow: deps.allowedHosts },
  });
  acquired.audit = inBackground((until) => keepAudit(scene, until));
};

const clone = async (
  scene: Scene,
  { executor }: OpenedSandbox,
  options: { repository: MirroredRepository; signal: AbortSignal },
): Promise<void> => {
  const { run, fence, deps } = scene;
  const { repository, signal } = options;
  await executor.initGit({}, signal);
  const ref = run.ref === null ? {} : { ref: repository.ref.name };
  const input = { repositoryUrl: repository.cloneUrl, mirrorPath: "/mirror", ...ref };
  const { commit } = await executor.gitClone(input, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof ExecutorLostError) throw error;
    throw new RunEnded("clone_failed", error instanceof Error ? error.message : "", { cause: error });
  });
  await deps.store.runs.patch(run.id, fence, { baseCommit: commit });
};

/** From here on the agent works; the person may have wished to cancel in between. */
const startRunning = async ({ run, fence, deps, instanceId }: Scene): Promise<void> => {
  const next = transition("starting", { type: "sandbox_ready" });
  if (!next.legal) throw new Error(next.why);
  const running = await deps.store.runs.advance(run.id, {
    from: ["starting"],
    to: next.status,
    fence,
    patch: { startedAt: deps.now().toISOString() },
    message: { source: "runner", body: { type: "status", status: next.status, sentence: "Claude Code is working." } },
  });
  if (running === null) throw new RunEnded("canceled");
  await deps.store.instances.setStatus(instanceId, "executing");
};

/** Keeps what went, or wanted to go, through the door; refused requests are told in the transcript too. */
const keepAudit = async (scene: Scene, signal: AbortSignal): Promise<void> => {
  const { run, deps, log } = scene;
  const refused = new Map<string, number>();
  const keep = async (record: AuditRecord) => {
    await deps.store.audit.append(run.id, [record]);
    if (record.decision !== "refused") return;
    const target = `${record.host}:${record.port}`;
    const count = (refused.get(target) ?? 0) + 1;
    refused.set(target, count);
    if (count <= REFUSED_PER_HOST) await log.write({ type: "egress_refused", record });
  };
  for (let pauseMs = RETRY_MIN_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
    try {
      const after = await deps.store.audit.position(run.id);
      for await (const record of deps.doors.followAudit(run.id, { after }, signal)) await keep(record);
      return;
    } catch (error) {
      if (signal.aborted || error instanceof FenceLostError) return;
      deps.log("warn", "a run's requests could not be kept; trying again", { runId: run.id, error: describe(error) });
      await wait(pauseMs, signal);
    }
  }
};

/** Brings the work to safety and gives the end to tell: nothing is called a success whose result is lost. */
const save = async (scene: Scene, acquired: Acquired, end: Ending): Promise<Ending> => {
  const { run, fence, deps, log, place, instanceId, own, heard } = scene;
  if (acquired.opened === null) return end;
  const at = { run, fence, instanceId, transcript: deps.store.transcript, heard };
  const saved = await saveWork({ deps, run, at, log, place, executor: acquired.opened.executor, own });
  if (end.reason !== "passed") return saved.saved ? end : { ...end, sentence: `${end.sentence} ${saved.sentence}` };
  return saved.saved ? passed(countChecks(run.steps), saved.diff.files.length > 0) : ending("result_lost", saved.sentence);
};

/** Takes down what the run acquired. What cannot be taken down now is the reaper's: the run's end is told all the same. */
const release = async (scene: Scene, acquired: Acquired): Promise<void> => {
  const { run, deps, instanceId } = scene;
  if (!acquired.hasWorkplace) return;
  const guarded = async (what: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => deps.log("error", `${what} failed`, { runId: run.id, error: describe(error) }));
  };
  await guarded("taking down the sandbox", () => takeDown(deps, { id: instanceId, driver: deps.driver.name }));
  // A closed door ends its audit, which is then read to its end.
  await guarded("closing the door", () => deps.doors.close(run.id));
  await guarded("reading the rest of the requests", async () => acquired.audit?.stop(AUDIT_DRAIN_MS));
};

/** Stores the end, with the message that tells it, as the very last thing; tries again until it is stored, or the server ends. */
const finish = async (scene: Scene, end: Ending, closing: AbortSignal): Promise<void> => {
  const { run, deps } = scene;
  for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
    try {
      await storeEnd(scene, end);
      return;
    } catch (error) {
      if (error instanceof FenceLostError || closing.aborted) throw error;
      deps.log("error", "a run's end could not be stored; trying again", { runId: run.id, error: describe(error) });
      await wait(pauseMs, closing);
    }
  }
};

const storeEnd = async ({ run, fence, deps }: Scene, end: Ending): Promise<void> => {
  for (;;) {
    const now = await deps.store.runs.find(run.id);
    if (now === null || isFinal(now.status)) return;
    const next = transition(now.status, { type: "ended", ...end });
    if (!next.legal || next.reason === null) throw new Error(next.legal ? "an end without a reason" : next.why);
    const { status, reason } = next;
    const sentence = next.sentence ?? end.sentence;
    const ended = await deps.store.runs.advance(run.id, {
      from: [now.status],
      to: status,
      fence,
      patch: { reason, sentence, endedAt: deps.now().toISOString() },
      message: { source: "runner", body: { type: "status", status, reason, sentence } },
    });
    if (ended !== null) {
      deps.log("info", `run ${status}`, { runId: run.id, reason });
      return;
    }
    // The person wished to cancel in between: look again. Or another server drives the run now.
    const after = await deps.store.runs.find(run.id);
    if (after?.status === now.status) throw new FenceLostError(`${run.id} is driven by somebody else now`);
  }
};
