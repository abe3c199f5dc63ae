import { parseChecks, type Run } from "@ccr/protocol";
import type { Ending, Progress } from "../store/types.ts";
import { checkStep, type Told } from "./checks.ts";
import { within } from "./clock.ts";
import { keepCopy } from "./copies.ts";
import { endingOfOutcome, RunEnded } from "./ending.ts";
import { letAgentWork } from "./execution.ts";
import type { Scene } from "./scene.ts";

const ONE_ATTEMPT = 1;

/** How many checks there are in commands, and how many steps state some that nobody judges. Pure. */
export const countChecks = (steps: Run["steps"]): { commands: number; unjudged: number } => {
  const parsed = steps.map(({ checks }) => parseChecks(checks));
  return {
    commands: parsed.reduce((sum, { commands }) => sum + commands.length, 0),
    unjudged: parsed.filter(({ prose }) => prose !== "").length,
  };
};

/**
 * Works on every step in order, in one conversation, from where an earlier supervisor of the run came to. Gives the end of the first step
 * that fails, or null when all passed.
 */
export const workOnSteps = async (scene: Scene, signal: AbortSignal): Promise<Ending | null> => {
  const first = scene.progress?.stepIndex ?? 0;
  for (const stepIndex of scene.run.steps.keys()) {
    if (stepIndex < first) continue;
    const begun = scene.progress?.stepIndex === stepIndex ? scene.progress : await beginStep(scene, stepIndex);
    const end = await limited(scene, begun, signal, (until) => workOnStep(scene, begun, until));
    if (end !== null) return end;
    await keepCopy(scene, signal);
  }
  return null;
};

const beginStep = async (scene: Scene, stepIndex: number): Promise<Progress> => {
  const startedMs = scene.activeMs();
  const progress: Progress = {
    stepIndex,
    attempt: ONE_ATTEMPT,
    startedMs,
    phase: { kind: "agent", resumed: 0, deaths: 0, sinceMs: startedMs, outcome: null },
  };
  const instructions = instructionsOf(scene.run, stepIndex);
  await scene.log.record([{ type: "step_started", stepIndex, attempt: ONE_ATTEMPT, instructions }], { stepIndex, progress });
  return progress;
};

const instructionsOf = ({ steps }: Run, stepIndex: number): string => steps[stepIndex]?.instructions ?? "";

/** Ends the run when the step takes longer than a step may. */
const limited = <Result>(
  { run, deps, activeMs }: Scene,
  { stepIndex, startedMs }: Progress,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const { stepSeconds } = run.limits;
  if (stepSeconds === null) return act(signal);
  const ms = Math.max(0, startedMs + stepSeconds * 1000 - activeMs());
  const detail = `Step ${stepIndex + 1} may take ${stepSeconds} s; launch again with a higher limit on the time of a step.`;
  return within(deps.clock, { ms, signal, late: () => new RunEnded("limit_time", detail) }, act);
};

const workOnStep = async (scene: Scene, begun: Progress, signal: AbortSignal): Promise<Ending | null> => {
  const { run, log } = scene;
  const { stepIndex, attempt } = begun;
  const told = (end: Ending | null): Told => {
    const where = run.steps.length > 1 ? `Step ${stepIndex + 1} of ${run.steps.length}: ` : "";
    const said = end === null ? null : { ...end, sentence: `${where}${end.sentence}` };
    return {
      end: said,
      bodies: [{ type: "step_finished", stepIndex, attempt, passed: end === null }],
      patch: { progress: { ...begun, phase: { kind: "ended", end: said } } },
    };
  };
  let { phase } = begun;
  if (phase.kind === "agent") {
    const instructions = instructionsOf(run, stepIndex);
    const failed = endingOfOutcome(await letAgentWork(scene, { progress: begun, phase, instructions, signal }));
    if (failed !== null) {
      const { end, bodies, patch } = told(failed);
      await log.record(bodies, patch);
      return end;
    }
    phase = { kind: "checks", begun: 0, passed: 0 };
  }
  if (phase.kind !== "checks") return phase.end;
  return checkStep(scene, { progress: begun, phase, checks: run.steps[stepIndex]?.checks ?? "", told, signal });
};
