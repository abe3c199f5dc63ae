import { join } from "node:path";
import {
  type AgentBody,
  type AuditRecord,
  type InstanceId,
  isFinal,
  parseRepository,
  type Run,
  type SandboxHandle,
  type WorkspaceDiff,
} from "@ccr/protocol";
import { type Claim, FenceLostError } from "../store/types.ts";
import type { RunDeps } from "./deps.ts";
import { type Ending, ending, endingOfError, RunEnded } from "./ending.ts";
import { connectExecutor, type ExecutorClient, ExecutorLostError } from "./executor-client.ts";
import { guardSandbox, wait } from "./guard.ts";
import { type RunLog, runLog } from "./run-log.ts";
import { relay, workOnSteps } from "./steps.ts";
import { transition } from "./transition.ts";
import { addUsage } from "./usage.ts";
import { makeWorkplace, readLeftSpool, removeWorkplace, sandboxSpec, type Workplace, workplaceOf } from "./workplace.ts";

// An executor that does not answer for this long after its sandbox was made will not come any more.
const HEALTHY_WITHIN_MS = 60_000;
// Saving what there is of a run that has ended may take this long.
const SAVE_WITHIN_MS = 60_000;
// One host may fill this many lines of a transcript with refused requests; the audit has them all.
const REFUSED_PER_HOST = 5;
// A closed door ends its audit's stream; reading what is left of it may take this long.
const AUDIT_DRAIN_MS = 2000;
const PROBE_WITHIN_MS = 10_000;

type Scene = {
  run: Run;
  fence: number;
  deps: RunDeps;
  log: RunLog;
  instanceId: InstanceId;
  place: Workplace;
  heard: (body: AgentBody) => Promise<void>;
  costUsd: () => number;
};

/**
 * The story of one run, from the claim to its final status: fetch the mirror, open the doors, make the sandbox, wait until it
 * is healthy, clone, work on each step, save the result; then always, whatever happened and on a signal of its own: save the
 * work, destroy the sandbox, close the doors; the final status last.
 *
 * `signal` aborts with a `RunEnded` as its reason. Never throws; when the fencing number is lost, it leaves everything to the new owner.
 */
export const superviseRun = async (options: { claim: Claim; deps: RunDeps; signal: AbortSignal }): Promise<void> => {
  const { claim, deps } = options;
  const { run, fence } = claim;
  const instanceId = deps.newInstanceId();
  let { usage } = run;
  const scene: Scene = {
    run,
    fence,
    deps,
    log: runLog(deps.store.transcript, run.id, fence),
    instanceId,
    place: workplaceOf(deps.folders, instanceId),
    heard: async (body) => {
      const next = addUsage(usage, body);
      if (next === usage) return;
      usage = next;
      await deps.store.runs.patch(run.id, fence, { usage });
    },
    costUsd: () => usage.costUsd,
  };
  const limitReached = new AbortController();
  const timer = setTimeout(
    () =>
      limitReached.abort(
        new RunEnded("limit_time", `It may take ${run.limits.timeSeconds} s; launch again with a higher limit on time.`),
      ),
    run.limits.timeSeconds * 1000,
  );
  try {
    await using cleanUp = new AsyncDisposableStack();
    const end = await work(scene, limitReached, AbortSignal.any([options.signal, limitReached.signal]), cleanUp);
    await cleanUp.disposeAsync().catch((error: unknown) => {
      if (error instanceof FenceLostError) throw error;
      // What could not be taken down is listed by its driver: the reaper takes it. The run's end must be told all the same.
      deps.log("error", "something of a run could not be taken down", { runId: run.id, error: describe(error) });
    });
    await finish(scene, end);
  } catch (error) {
    if (error instanceof FenceLostError) deps.log("warn", "another server drives this run now", { runId: run.id });
    else deps.log("error", "the run's end could not be stored", { runId: run.id, error: describe(error) });
  } finally {
    clearTimeout(timer);
  }
};

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

const reasonOf = (signal: AbortSignal, error: unknown): unknown => (signal.aborted ? signal.reason : error);

/** All that can be cut short. What it acquires goes onto `cleanUp` before it is made. */
const work = async (
  scene: Scene,
  limitReached: AbortController,
  signal: AbortSignal,
  cleanUp: AsyncDisposableStack,
): Promise<Ending> => {
  const { run, fence, deps, log, instanceId } = scene;
  let opened: { handle: SandboxHandle; executor: ExecutorClient } | null = null;
  let end: Ending;
  try {
    await log.write({ type: "status", status: "starting", sentence: "The run is starting." });
    const address = parseRepository(run.repository);
    if (!address.ok) throw new RunEnded("repository_unreachable", address.message);
    const { driver } = deps;
    const repository = await log.stage(
      "mirror",
      (report) => deps.mirrors.ensure(address.address, { ref: run.ref ?? undefined, report, signal }),
      {
        started: `Fetching ${run.repository}.`,
        finished: ({ commit }) => `Fetched ${run.repository}; starting from ${commit.slice(0, 12)}.`,
      },
    );
    await deps.store.runs.patch(run.id, fence, { baseCommit: repository.commit, instanceId, driver: driver.name });
    const image = await prepareImage(scene, signal);
    opened = await log.stage("sandbox", () => openSandbox(scene, { image, mirrorPath: repository.mirrorPath, signal, cleanUp }), {
      started: `Making a sandbox with ${driver.name}.`,
      finished: () => "The sandbox is ready.",
    });
    const { handle, executor } = opened;
    cleanUp.use(
      inBackground((until) =>
        guardSandbox({ driver, handle, limits: run.limits, end: (why) => limitReached.abort(why), signal: until }),
      ),
    );
    const cloning = async () => {
      await executor.initGit({}, signal);
      const clone = { repositoryUrl: repository.cloneUrl, mirrorPath: "/mirror", ...(run.ref === null ? {} : { ref: run.ref }) };
      const { commit } = await executor.gitClone(clone, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error instanceof ExecutorLostError
          ? error
          : new RunEnded("clone_failed", error instanceof Error ? error.message : "", { cause: error });
      });
      await deps.store.runs.patch(run.id, fence, { baseCommit: commit });
    };
    await log.stage("clone", cloning, { started: "Cloning into the workspace.", finished: () => "The workspace is ready." });
    const running = await advance(scene, { type: "sandbox_ready" });
    if (running === null) throw new RunEnded("canceled");
    await deps.store.instances.setStatus(instanceId, "executing");
    await log.write({ type: "status", status: "running", sentence: "Claude Code is working." });
    const failed = await workOnSteps(
      {
        run,
        fence,
        instanceId,
        handle,
        driver,
        executor,
        transcript: deps.store.transcript,
        heard: scene.heard,
        costUsd: scene.costUsd,
        log,
        signal,
      },
      async (stepIndex) => {
        await deps.store.runs.patch(run.id, fence, { stepIndex });
      },
    );
    end = failed ?? ending("passed");
  } catch (error) {
    const why = reasonOf(signal, error);
    if (why instanceof FenceLostError) throw why;
    end = endOf(why);
    if (end.reason === "internal") deps.log("error", "a run ended by an error of ours", { runId: run.id, error: describe(why) });
  }
  if (opened === null) return end;
  const saved = await saveWork(scene, opened);
  return end.reason === "passed" && saved !== null && saved.files.length === 0 ? ending("passed_no_changes") : end;
};

/** The mirrors' errors bring their reason along; the others are told apart here. */
const endOf = (error: unknown): Ending => {
  if (error instanceof ExecutorLostError) return ending("sandbox_lost", error.message);
  if (error instanceof Error && "reason" in error) {
    switch (error.reason) {
      case "repository_unreachable":
      case "repository_empty":
      case "ref_not_found":
      case "disk_full":
        return ending(error.reason, error.message);
    }
  }
  return endingOfError(error);
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

/** Tells an engine that is down from a sandbox that could not be made. */
const sandboxNotMade = async (deps: RunDeps, error: unknown): Promise<RunEnded> => {
  const probe = await deps.driver.probe(AbortSignal.timeout(PROBE_WITHIN_MS));
  if (!probe.usable) return new RunEnded("driver_unavailable", probe.why, { cause: error });
  return new RunEnded("sandbox_failed", error instanceof Error ? error.message : String(error), { cause: error });
};

/** Opens the doors, makes the sandbox and waits until its executor answers. The record is stored before each thing it stands for. */
const openSandbox = async (
  scene: Scene,
  options: { image: string; mirrorPath: string; signal: AbortSignal; cleanUp: AsyncDisposableStack },
): Promise<{ handle: SandboxHandle; executor: ExecutorClient }> => {
  const { run, deps, place, instanceId } = scene;
  const { image, mirrorPath, signal, cleanUp } = options;
  const { driver } = deps;
  await deps.store.instances.create({ id: instanceId, runId: run.id, driver: driver.name });
  cleanUp.defer(() => deps.store.instances.setStatus(instanceId, "stopped"));
  cleanUp.defer(() => removeWorkplace(place));
  await makeWorkplace(place);
  const closeDoor = () => deps.doors.close(run.id);
  cleanUp.defer(closeDoor);
  await deps.doors.open({
    runId: run.id,
    socketPath: place.gatewaySocket,
    auditPath: join(deps.folders.audit, `${run.id}.ndjson`),
    policy: { allow: deps.allowedHosts },
  });
  // The audit is read to its end once the door is closed, so the door is closed first.
  cleanUp.use(inBackground((until) => followAudit(scene, until), AUDIT_DRAIN_MS));
  cleanUp.defer(closeDoor);
  let handle: SandboxHandle | null = null;
  cleanUp.defer(async () => {
    const made = handle ?? (await driver.list()).find((known) => known.instanceId === instanceId);
    if (made !== undefined) await driver.destroy(made);
  });
  try {
    handle = await driver.create(sandboxSpec({ run, instanceId, place, image, mirrorPath, now: deps.now() }), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw await sandboxNotMade(deps, error);
  }
  await deps.store.instances.saveHandle(instanceId, handle);
  const executor = connectExecutor(handle.endpoint);
  await untilHealthy({ driver, handle, executor, limits: run.limits, signal });
  await deps.store.instances.setStatus(instanceId, "idle");
  return { handle, executor };
};

const untilHealthy = async (options: {
  driver: RunDeps["driver"];
  handle: SandboxHandle;
  executor: ExecutorClient;
  limits: Run["limits"];
  signal: AbortSignal;
}): Promise<void> => {
  const { driver, handle, executor, signal } = options;
  const giveUpAt = performance.now() + HEALTHY_WITHIN_MS;
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      await executor.health(AbortSignal.any([signal, AbortSignal.timeout(5000)]));
      return;
    } catch (error) {
      signal.throwIfAborted();
      // The first looks come quickly, since the executor is up within some hundred milliseconds; the state is asked for now and then.
      if (tries % 20 === 19 || performance.now() > giveUpAt) {
        const state = await driver.inspect(handle);
        if (state.status !== "running" || performance.now() > giveUpAt) {
          const said = (await driver.logs(handle, AbortSignal.timeout(5000)).catch(() => ""))
            .trim()
            .split("\n")
            .slice(-5)
            .join("\n");
          throw new RunEnded("sandbox_failed", said === "" ? "Its executor did not answer." : `Its executor said: ${said}`, {
            cause: error,
          });
        }
      }
      await wait(Math.min(10 + tries * 2, 250), signal);
    }
  }
};

/** Keeps what went, or wanted to go, through the door; refused requests are told in the transcript too. */
const followAudit = async (scene: Scene, signal: AbortSignal): Promise<void> => {
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
  const after = await deps.store.audit.position(run.id);
  for await (const record of deps.doors.followAudit(run.id, { after }, signal)) await keep(record);
};

/** Brings every event and the diff to safety while the sandbox is still there, or from what it left. Never throws, but for a lost fence. */
const saveWork = async (
  scene: Scene,
  opened: { handle: SandboxHandle; executor: ExecutorClient },
): Promise<WorkspaceDiff | null> => {
  const { run, fence, deps, log, instanceId, place } = scene;
  const { transcript } = deps.store;
  const signal = AbortSignal.timeout(SAVE_WITHIN_MS);
  const at = { run, fence, instanceId, transcript, heard: scene.heard };
  try {
    await opened.executor.interrupt(signal);
    await relay(at, opened.executor.follow(await transcript.spoolPosition(run.id, instanceId), signal), null);
    const diff = await opened.executor.diff(signal);
    await deps.store.runs.saveDiff(run.id, fence, diff);
    await deps.store.runs.patch(run.id, fence, { headCommit: diff.headCommit });
    return diff;
  } catch (error) {
    if (error instanceof FenceLostError) throw error;
    const left = await readLeftSpool(place, await transcript.spoolPosition(run.id, instanceId));
    if (left.length > 0) await transcript.appendSpooled(run.id, fence, { instanceId, events: left });
    await log.write({
      type: "note",
      text: `The changes could not be saved: ${error instanceof Error ? error.message : String(error)}`,
    });
    return null;
  }
};

/** Tells the end, and stores it as the very last thing. */
const finish = async (scene: Scene, end: Ending): Promise<void> => {
  const now = await scene.deps.store.runs.find(scene.run.id);
  if (now === null || isFinal(now.status)) return;
  const next = transition(now.status, { type: "ended", ...end });
  if (!next.legal || next.reason === null) throw new Error(next.legal ? "an end without a reason" : next.why);
  const sentence = next.sentence ?? end.sentence;
  await scene.log.write({ type: "status", status: next.status, reason: next.reason, sentence });
  const ended = await scene.deps.store.runs.advance(scene.run.id, {
    from: [now.status],
    to: next.status,
    fence: scene.fence,
    patch: { reason: next.reason, sentence, endedAt: scene.deps.now().toISOString() },
  });
  // Between the look and the write the person may have wished to cancel: look again.
  if (ended === null) await finish(scene, end);
  else scene.deps.log("info", `run ${next.status}`, { runId: scene.run.id, reason: next.reason });
};

/** Moves the run by an event of its life; null when a person's wish came in between. */
const advance = async (scene: Scene, event: { type: "sandbox_ready" }): Promise<Run | null> => {
  const next = transition("starting", event);
  if (!next.legal) throw new Error(next.why);
  return scene.deps.store.runs.advance(scene.run.id, {
    from: ["starting"],
    to: next.status,
    fence: scene.fence,
    patch: { startedAt: scene.deps.now().toISOString() },
  });
};

/** A loop that is given `graceMs` to end by itself when its owner is disposed of, then stopped, and awaited; its errors come out there. */
const inBackground = (loop: (signal: AbortSignal) => Promise<void>, graceMs = 0): AsyncDisposable => {
  const stop = new AbortController();
  const ended = new AbortController();
  const running = loop(stop.signal)
    .catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    })
    .finally(() => ended.abort());
  // Nobody looks at the promise before the owner is disposed of.
  running.catch(() => {});
  return {
    [Symbol.asyncDispose]: async () => {
      if (graceMs > 0) await wait(graceMs, ended.signal);
      stop.abort();
      await running;
    },
  };
};
