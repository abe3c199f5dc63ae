import { checkoutsOf, type Run } from "@ccr/protocol";
import type { Ending, Progress, StepPhase } from "../store/progress-types.ts";
import { untilAffordable } from "./affording.ts";
import { agentPhase, hasChecks } from "./attempt.ts";
import { runCommands, settle } from "./checks.ts";
import { keepCopy } from "./copies.ts";
import { endingOfOutcome, RunEnded } from "./ending.ts";
import { letAgentWork } from "./execution.ts";
import { judge } from "./judging.ts";
import { aboutRepositories, workOf } from "./repositories.ts";
import { type Scene, whileActive } from "./scene.ts";
import { hearAfterChecks, hearPeople } from "./talk/turns.ts";

const FIRST_ATTEMPT = 1;

/**
 * Works on every step in order, in one conversation, from where an earlier supervisor of the run came to. Gives the end of the first step
 * that fails, or null when all passed.
 */
export const workOnSteps = async (scene: Scene, signal: AbortSignal): Promise<Ending | null> => {
  const first = scene.progress?.stepIndex ?? 0;
  for (const stepIndex of scene.run.steps.keys()) {
    if (stepIndex < first) continue;
    const begun = scene.progress?.stepIndex === stepIndex ? scene.progress : await beginStep(scene, stepIndex);
    const { end, checked = null } = await limited(scene, begun, signal, (until) => workOnStep(scene, begun, until));
    if (end !== null) return end;
    scene.checked = checked;
    if (checked === null) await keepCopy(scene, signal);
  }
  return null;
};

const beginStep = async (scene: Scene, stepIndex: number): Promise<Progress> => {
  const startedMs = scene.activeMs();
  const heads = checkoutsOf((await scene.stores.runs.find(scene.run.id)) ?? scene.run).map(
    (each) => each.headCommit ?? each.baseCommit,
  );
  const headBefore = heads.every((head) => head !== null) ? workOf(heads) : null;
  const progress: Progress = { stepIndex, attempt: FIRST_ATTEMPT, startedMs, headBefore, phase: agentPhase(startedMs) };
  const instructions = stepOf(scene.run, stepIndex).instructions;
  const told = { type: "step_started", stepIndex, attempt: FIRST_ATTEMPT, instructions } as const;
  await scene.log.record([told], { stepIndex, progress });
  return progress;
};

const stepOf = ({ steps }: Run, stepIndex: number): Run["steps"][number] => steps[stepIndex] ?? { instructions: "", checks: "" };

/** Ends the run when the step takes longer than a step may. */
const limited = <Result>(
  scene: Scene,
  { stepIndex, startedMs }: Progress,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const { stepSeconds } = scene.run.limits;
  if (stepSeconds === null) return act(signal);
  const detail = `Step ${stepIndex + 1} may take ${stepSeconds} s; launch again with a higher limit on the time of a step.`;
  const late = () => new RunEnded("limit_time", detail);
  return whileActive(scene, { untilMs: startedMs + stepSeconds * 1000, signal, late }, act);
};

type Over = Pick<Extract<StepPhase, { kind: "ended" }>, "end" | "checked">;

/** From phase to phase, each of which stores where it leads to, until the step is over: attempts, each with its checks. */
const workOnStep = async (scene: Scene, begun: Progress, signal: AbortSignal): Promise<Over> => {
  for (let progress = begun; ; ) {
    const { phase } = progress;
    const { checks } = stepOf(scene.run, progress.stepIndex);
    switch (phase.kind) {
      case "agent": {
        const affordable = await untilAffordable(scene, { progress, phase, signal });
        progress = affordable === progress ? await workOnAttempt(scene, { progress, phase, signal }) : affordable;
        break;
      }
      case "checks":
        progress = await runCommands(scene, { progress, phase, checks, signal });
        break;
      case "judge":
        progress = await judge(scene, { progress, phase, signal });
        break;
      case "ended": {
        const next = await hearAfterChecks(scene, { progress, phase, signal });
        if (next === null) return phase;
        progress = next;
        break;
      }
      case "over":
        return phase;
    }
  }
};

/** What the agent is asked first in a step: at the beginning of the run it is also told what it has before it. */
const instructionsOf = (run: Run, { stepIndex }: Progress): string => {
  const { instructions } = stepOf(run, stepIndex);
  const about = stepIndex === 0 ? aboutRepositories(checkoutsOf(run)) : "";
  return about === "" ? instructions : `${about}\n\n${instructions}`;
};

const workOnAttempt = async (
  scene: Scene,
  { progress, phase, signal }: { progress: Progress; phase: Extract<StepPhase, { kind: "agent" }>; signal: AbortSignal },
): Promise<Progress> => {
  const { checks } = stepOf(scene.run, progress.stepIndex);
  scene.isChecking = false;
  scene.checked = null;
  const asked = { progress, phase, instructions: phase.feedback ?? instructionsOf(scene.run, progress), signal };
  const outcome = await letAgentWork(scene, asked);
  const next = await hearPeople(scene, { progress, phase, outcome, signal });
  if (next !== null) return next;
  const end = endingOfOutcome(outcome);
  if (end !== null) return settle(scene, { progress, came: { passed: false, end, feedback: null }, bodies: [] });
  if (hasChecks(checks)) return { ...progress, phase: { kind: "checks", checkout: null, begun: 0, passed: 0 } };
  return settle(scene, { progress, came: { passed: true, checked: null }, bodies: [] });
};
