import { CcrError, type CheckResult, isBroken, parseChecks, type RunnerBody } from "@ccr/protocol";
import type { Checkout, Progress, StepPhase } from "../store/progress-types.ts";
import { type Came, commandFeedback, conclude, listed, scriptsOf, shortened } from "./attempt.ts";
import { askAgain, closeCheckout, commitResult, inCheckout } from "./checkout.ts";
import { ending, RunEnded } from "./ending.ts";
import { inRepository } from "./repositories.ts";
import { blamedHosts } from "./requests.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import { describeError, messageOf, type Scene } from "./scene.ts";

// For a sentence that people read.
const SAID_MAX_CHARACTERS = 300;
// A check that is refused more often than this says so in its first requests, too.
const REQUESTS_MAX = 1000;
const REQUESTS_TOLD_WITHIN_MS = 500;

type ChecksPhase = Extract<StepPhase, { kind: "checks" }>;

/** How a command ended that did not pass, in a sentence. Pure. */
export const describeFailure = ({ command: whole, outcome }: Pick<CheckResult, "command" | "outcome">): string => {
  const command = shortened(whole, SAID_MAX_CHARACTERS);
  switch (outcome.kind) {
    case "exited":
      return `'${command}' exited with code ${outcome.exitCode}.`;
    case "killed":
      return `'${command}' was ended by ${outcome.signal}.`;
    case "timed_out":
      return `'${command}' did not finish within ${Math.round(outcome.afterMs / 1000)} s.`;
  }
};

/**
 * Runs the commands of a step's checks in order, on a clean checkout of the work in a sandbox of its own, from the first that has not passed;
 * the first that fails ends the attempt. What they leave is there for the next one. Gives from where the run goes on, which is stored with the
 * last result, so that no kill comes between the two.
 */
export const runCommands = async (
  scene: Scene,
  step: { progress: Progress; phase: ChecksPhase; checks: string; signal: AbortSignal },
): Promise<Progress> => {
  const { run, deps, stores, log } = scene;
  const { progress, checks, signal } = step;
  const { commands, prose } = parseChecks(checks);
  scene.isChecking = true;
  let { phase } = step;
  const store = async (next: ChecksPhase, ...bodies: RunnerBody[]): Promise<void> => {
    phase = next;
    await log.record(bodies, { progress: { ...progress, phase } });
  };
  let checkout = phase.checkout ?? null;
  // A server of before checks had a sandbox of their own may have begun: what passed then did so elsewhere.
  if (checkout === null) {
    phase = { kind: "checks", checkout, begun: 0, passed: 0 };
    const { commit, head, uncommitted, leftOut } = await commitResult(scene, signal);
    const scripts = scriptsOf(commands);
    const bent =
      head === progress.headBefore
        ? []
        : uncommitted.filter((path) => scripts.includes(path) || scripts.includes(inRepository(run, path)));
    if (bent.length > 0) return settle(scene, { progress, came: whatIsBent(bent), bodies: [] });
    const requests = await stores.audit.position(run.id);
    checkout = { instanceId: deps.newInstanceId(), commit, deaths: 0, requests };
    const notes = aboutLeftOut(leftOut);
    if (commands.length === 0) return beginToJudge(scene, { progress, commit, requests, prose, bodies: notes });
    await store({ ...phase, checkout }, ...notes);
  }
  const next = await inCheckout<Progress>(scene, checkout, {
    act: async (opened, { commit, requests }) => {
      for (const [index, command] of commands.entries()) {
        if (index < phase.passed) continue;
        const { stepIndex, attempt } = progress;
        if (phase.begun <= index)
          await store({ ...phase, begun: index + 1 }, { type: "check_started", stepIndex, attempt, command });
        const checkId = `${run.id}-${stepIndex}-${attempt}-c${index}`;
        const result = await runCommand(scene, opened, { checkId, command, signal });
        const name = `${stepIndex + 1}-${attempt}-${index + 1}`;
        const kept = result.outputTruncated ? await keepWhole(scene, opened, { checkId, command, name, signal }) : null;
        const finished: RunnerBody[] = [
          { type: "check_finished", stepIndex, attempt, result, ...(kept?.isKept === true ? { keptOutput: name } : {}) },
          ...(kept?.isKept === false ? [{ type: "note" as const, text: kept.note }] : []),
        ];
        const isLast = index === commands.length - 1;
        if (result.passed && !isLast) await store({ ...phase, passed: index + 1 }, ...finished);
        else if (result.passed && prose !== "")
          return beginToJudge(scene, { progress, commit, requests, prose, bodies: finished });
        else {
          const came: Came = result.passed
            ? { passed: true, checked: commit }
            : await whatFailed(scene, { result, requests, signal });
          return settle(scene, { progress, came, bodies: finished });
        }
      }
      throw new Error("no command ended the checks");
    },
    replaced: (another) => store({ kind: "checks", checkout: another, begun: 0, passed: 0 }),
    isSetUp: true,
    signal,
  });
  await closeCheckout(scene);
  return next;
};

/** Scripts that a check runs, that were there before the run, and that the agent left out when it committed its work. Pure. */
const whatIsBent = (paths: readonly string[]): Came => {
  const names = listed(paths);
  const [it, is] = paths.length === 1 ? ["it", "is"] : ["them", "are"];
  return {
    passed: false,
    end: ending("check_failed", `${names}, which a check runs, ${is} changed and not committed, while other work is.`),
    feedback: `Your work was not checked yet: you committed a part of it, and changed ${names}, which a check runs, without committing ${it}. Commit ${it} if that belongs to your work, or restore ${it}.`,
  };
};

const aboutLeftOut = (paths: readonly string[]): RunnerBody[] => {
  if (paths.length === 0) return [];
  const text = `Not in what is checked, since too large, too many or not to be read: ${listed(paths)}. They are there as the last commit has them.`;
  return [{ type: "note", text }];
};

/** Stores what came of an attempt, with what is told of it, and gives from where the run goes on. */
export const settle = async (
  scene: Scene,
  { progress, came, bodies }: { progress: Progress; came: Came; bodies: RunnerBody[] },
): Promise<Progress> => {
  const concluded = conclude(scene.run, { progress, came, activeMs: scene.activeMs() });
  await scene.log.record([...bodies, ...concluded.bodies], { progress: concluded.progress });
  return concluded.progress;
};

/** The judge looks at what the commands passed on, and where none of them has run. */
const beginToJudge = async (
  scene: Scene,
  given: Pick<Checkout, "commit" | "requests"> & { progress: Progress; prose: string; bodies: RunnerBody[] },
): Promise<Progress> => {
  const { commit, requests, progress, prose, bodies } = given;
  const { stepIndex, attempt } = progress;
  const checkout = { instanceId: scene.deps.newInstanceId(), commit, requests, deaths: 0 };
  const phase: StepPhase = { kind: "judge", checkout, asked: 0, outcome: null };
  await scene.log.record([...bodies, { type: "judge_started", stepIndex, attempt, text: prose }], {
    progress: { ...progress, phase },
  });
  return { ...progress, phase };
};

/** Runs one command, or waits for the one that was begun under this id. */
const runCommand = async (
  scene: Scene,
  opened: OpenedSandbox,
  { checkId, command, signal }: { checkId: string; command: string; signal: AbortSignal },
): Promise<CheckResult> => {
  const timeoutMs = scene.run.limits.checkSeconds * 1000;
  try {
    const ask = (until: AbortSignal) => opened.executor.check({ checkId, command, timeoutMs }, until);
    return await askAgain(scene, opened, { ask, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CcrError)) throw error;
    // It may have refused us because somebody else drives the run now.
    await scene.hold();
    throw new RunEnded("check_broken", `'${shortened(command, SAID_MAX_CHARACTERS)}' could not be run: ${error.message}`);
  }
};

type Kept = { isKept: true } | { isKept: false; note: string };

/** Keeps all that a command printed of which its result has a part. That it cannot be kept is told, and takes nothing from the result. */
const keepWhole = async (
  scene: Scene,
  opened: OpenedSandbox,
  { checkId, command, name, signal }: { checkId: string; command: string; name: string; signal: AbortSignal },
): Promise<Kept> => {
  const { run, deps } = scene;
  // Somebody else who drives the run now may have kept another one by this name.
  await scene.hold();
  try {
    const ask = (until: AbortSignal) =>
      deps.work.keepOutput(run.id, { name, chunks: opened.executor.checkOutput(checkId, until) }, until);
    await askAgain(scene, opened, { ask, signal });
    return { isKept: true };
  } catch (error) {
    signal.throwIfAborted();
    // It may have refused us for the same reason.
    await scene.hold();
    deps.log("warn", "the whole output of a check could not be kept", { runId: run.id, name, error: describeError(error) });
    return { isKept: false, note: `The whole output of '${command}' could not be kept: ${messageOf(error)}` };
  }
};

/** Whether the work, the check itself or the network policy is to blame. */
const whatFailed = async (
  { run, deps, stores }: Scene,
  { result, requests, signal }: { result: CheckResult; requests: number; signal: AbortSignal },
): Promise<Came> => {
  const how = describeFailure(result);
  if (isBroken(result)) {
    const said = result.output.split("\n").find((line) => line.startsWith("bash: ")) ?? "";
    return { passed: false, end: ending("check_broken", `${how} ${shortened(said, SAID_MAX_CHARACTERS)}`), feedback: null };
  }
  // The last of its requests are on their way from the gateway.
  await deps.clock.wait(REQUESTS_TOLD_WITHIN_MS, signal);
  const refused = await stores.audit.read(run.id, { after: requests, limit: REQUESTS_MAX, refusedOnly: true });
  const blamed = blamedHosts(
    `${result.command}\n${result.output}`,
    refused.map(({ host }) => host),
  );
  const feedback = commandFeedback({ command: result.command, how, output: result.output });
  if (blamed.length === 0) return { passed: false, end: ending("check_failed", how), feedback };
  const hosts = `It may not reach ${blamed.join(", ")}.`;
  return { passed: false, end: ending("network_refused", `${how} ${hosts}`), feedback: `${feedback}\n\n${hosts}` };
};
