import { CcrError, type CheckResult, parseChecks } from "@ccr/protocol";
import type { Ending, Progress, StepPhase } from "../store/types.ts";
import { ending, RunEnded } from "./ending.ts";
import { lossOf, reachAgain } from "./reach.ts";
import { sandboxOf } from "./sandboxes.ts";
import type { Scene } from "./scene.ts";

type ChecksPhase = Extract<StepPhase, { kind: "checks" }>;

const describeFailure = (result: CheckResult): string => {
  switch (result.outcome.kind) {
    case "exited":
      return `'${result.command}' exited with code ${result.outcome.exitCode}.`;
    case "killed":
      return `'${result.command}' was ended by ${result.outcome.signal}.`;
    case "timed_out":
      return `'${result.command}' did not finish within ${Math.round(result.outcome.afterMs / 1000)} s.`;
  }
};

/**
 * Runs the commands of a step's checks in order, from the first that has not passed, and stops at the first that fails: gives that end, or
 * null when all passed. The step's end is told with the last result, so that no kill comes between the two.
 */
export const checkStep = async (
  scene: Scene,
  step: { progress: Progress; phase: ChecksPhase; checks: string; told: (end: Ending | null) => Told; signal: AbortSignal },
): Promise<Ending | null> => {
  const { log } = scene;
  const { progress, checks, told, signal } = step;
  const { stepIndex, attempt } = progress;
  const { commands, prose } = parseChecks(checks);
  let { phase } = step;
  for (const [index, command] of commands.entries()) {
    if (index < phase.passed) continue;
    if (phase.begun <= index) {
      phase = { ...phase, begun: index + 1 };
      await log.record([{ type: "check_started", stepIndex, attempt, command }], { progress: { ...progress, phase } });
    }
    const result = await run(scene, { checkId: `${scene.run.id}-${stepIndex}-${attempt}-c${index}`, command, signal });
    const finished = { type: "check_finished", stepIndex, attempt, result } as const;
    if (!result.passed) {
      const { end, bodies, patch } = told(ending("check_failed", describeFailure(result)));
      await log.record([finished, ...bodies], patch);
      return end;
    }
    phase = { ...phase, passed: index + 1 };
    await log.record([finished], { progress: { ...progress, phase } });
  }
  const { end, bodies, patch } = told(null);
  await log.record([...(prose === "" ? [] : [{ type: "check_not_judged", stepIndex, text: prose } as const]), ...bodies], patch);
  return end;
};

/** How the end of a step is told: what is written, and the end that the run takes from it. */
export type Told = { end: Ending | null; bodies: Parameters<Scene["log"]["write"]>; patch: { progress: Progress } };

/** Runs one command, or waits for the one that was begun under this id. A sandbox that dies under it is revived, and runs it again. */
const run = async (
  scene: Scene,
  { checkId, command, signal }: { checkId: string; command: string; signal: AbortSignal },
): Promise<CheckResult> => {
  const timeoutMs = scene.run.limits.checkSeconds * 1000;
  for (let tries = 0; ; ) {
    const { executor, cut } = sandboxOf(scene);
    try {
      const result = await executor.check({ checkId, command, timeoutMs }, AbortSignal.any([signal, cut.signal]));
      scene.revivals = 0;
      return result;
    } catch (error) {
      signal.throwIfAborted();
      const lost = lossOf(error);
      if (lost === null) {
        if (!(error instanceof CcrError)) throw error;
        // It may have refused us because somebody else drives the run now.
        await scene.hold();
        throw new RunEnded("check_failed", `'${command}' could not be run: ${error.message}`);
      }
      await reachAgain(scene, { error: lost, tries: ++tries, signal });
    }
  }
};
