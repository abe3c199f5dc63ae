import type { ExecuteInput, ExecutionOutcome } from "@ccr/protocol";
import type { Progress, StepPhase } from "../store/progress-types.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { outOfMemory } from "./guard.ts";
import { lossOf, reachAgain } from "./reach.ts";
import { relay } from "./relay.ts";
import { sandboxOf } from "./sandboxes.ts";
import { MESSAGES_PER_DEATH, type Scene } from "./scene.ts";
import { isBrokenOffByPerson } from "./talk/turns.ts";

/** An agent that dies so often, without getting on in between, is given up. */
const DEATHS_MAX = 8;

type AgentPhase = Extract<StepPhase, { kind: "agent" }>;

/** Known before it starts, so that whoever asks again joins it. */
const executionIdOf = (scene: Scene, { stepIndex, attempt }: Progress, { resumed, said = 0 }: AgentPhase): string =>
  `${scene.run.id}-${stepIndex}-${attempt}${said === 0 ? "" : `-s${said}`}${resumed === 0 ? "" : `-r${resumed}`}`;

const promptOf = (instructions: string, { resumed }: AgentPhase): string =>
  resumed === 0
    ? instructions
    : [
        "Your work was interrupted from outside, and you were started again. The workspace is as it was at that moment; a command that was running then may have done a part of its work. Look at what is done already, and go on with what you were asked to do:",
        instructions,
      ].join("\n\n");

/** Whether an agent that ended in this way can simply be started again: it was killed, or its executor was stopped, and not by us. */
const wasCut = (outcome: ExecutionOutcome): boolean =>
  outcome.kind === "interrupted" || (outcome.kind === "failed" && outcome.code === "agent_exited");

/** Whether the kernel killed something in the sandbox just now; when the engine cannot tell, it did not. */
const ranOutOfMemory = async (scene: Scene): Promise<boolean> => {
  const { clock } = scene.deps;
  const { driver, handle, memory } = sandboxOf(scene);
  const state = await driver.inspect(handle).catch(() => null);
  if (state !== null) memory.see(state, clock.elapsedMs());
  return memory.ranOut(clock.elapsedMs());
};

/**
 * Brings the agent's turn of a step to its end, and gives its outcome: joins the execution that an earlier supervisor began, relays all it
 * says, and goes on with a new prompt in the same conversation when the agent, its executor or its sandbox dies on the way.
 */
export const letAgentWork = async (
  scene: Scene,
  step: { progress: Progress; phase: AgentPhase; instructions: string; signal: AbortSignal },
): Promise<ExecutionOutcome> => {
  const { progress, instructions, signal } = step;
  let { phase } = step;
  scene.isAgentAtWork = true;
  for (;;) {
    const heardBefore = scene.heard;
    const outcome = await execute(scene, { progress, phase, instructions, signal });
    if (!wasCut(outcome)) return outcome;
    if (outcome.kind === "interrupted" && (await isBrokenOffByPerson(scene, phase))) return outcome;
    // With the same limit it would only end there again.
    if (await ranOutOfMemory(scene)) throw outOfMemory(scene.run.limits);
    const deaths = Math.max(0, phase.deaths - Math.floor((scene.heard - heardBefore) / MESSAGES_PER_DEATH)) + 1;
    if (deaths >= DEATHS_MAX) return outcome;
    phase = { ...phase, resumed: phase.resumed + 1, deaths, sinceMs: scene.activeMs(), outcome: null };
    scene.deps.metrics.resumed("agent");
    await scene.log.record(
      [{ type: "resumed", after: "agent", text: "Claude Code ended in the middle of its work, and is asked to go on." }],
      {
        progress: { ...progress, phase },
      },
    );
  }
};

/** An execution within what is left of the run's money, or the end that it has because nothing is left. */
export const executionFor = (
  { run, usage }: Pick<Scene, "run" | "usage">,
  asked: Pick<ExecuteInput, "prompt" | "judges"> & { executionId: string; maxTurns: number },
): ExecuteInput | Extract<ExecutionOutcome, { kind: "failed" }> => {
  const { budgetUsd, stallSeconds } = run.limits;
  const leftUsd = budgetUsd === null ? null : budgetUsd - usage.costUsd;
  if (leftUsd !== null && leftUsd <= 0) {
    const message = `It may cost ${budgetUsd} US dollars; launch again with a higher budget.`;
    return { kind: "failed", code: "limit_budget", message };
  }
  return {
    ...asked,
    permissionMode: run.permissionMode,
    asks: run.asks && !asked.judges,
    stallTimeoutMs: stallSeconds * 1000,
    ...(run.model === null ? {} : { model: run.model }),
    ...(leftUsd === null ? {} : { maxBudgetUsd: leftUsd }),
  };
};

/** Gives the agent one prompt and relays all it says until the execution has ended. */
const execute = async (
  scene: Scene,
  step: { progress: Progress; phase: AgentPhase; instructions: string; signal: AbortSignal },
): Promise<ExecutionOutcome> => {
  const { run, stores } = scene;
  const { progress, phase, instructions, signal } = step;
  if (phase.outcome !== null) return phase.outcome;
  const executionId = executionIdOf(scene, progress, phase);
  const prompt = promptOf(instructions, phase);
  const input = executionFor(scene, { prompt, executionId, judges: false, maxTurns: run.limits.turns });
  if ("kind" in input) return input;
  const { model, permissionMode } = scene.run;
  const awaited = {
    executionId,
    // What people changed since this was sent is told to the agent now.
    began: () => {
      scene.agentHas = { model, permissionMode };
      scene.wakePeople();
    },
    ended: (outcome: ExecutionOutcome) => ({ progress: { ...progress, phase: { ...phase, outcome } } }),
  };
  for (let tries = 0; ; ) {
    const { instanceId, executor, cut } = sandboxOf(scene);
    const after = await stores.transcript.spoolPosition(run.id, instanceId);
    try {
      const events = executor.execute(input, after, AbortSignal.any([signal, cut.signal]));
      const outcome = await relay(scene, events, awaited);
      if (outcome !== null) return outcome;
      throw new ExecutorLostError("the stream ended before the execution did");
    } catch (error) {
      signal.throwIfAborted();
      const lost = lossOf(error);
      if (lost === null) throw error;
      if ((await stores.transcript.spoolPosition(run.id, instanceId)) > after) tries = 0;
      await reachAgain(scene, { error: lost, tries: ++tries, signal });
    }
  }
};
