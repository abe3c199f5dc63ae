import { CcrError, type CheckResult, type ExecutionOutcome, parseChecks, type Run } from "@ccr/protocol";
import { type Ending, ending, endingOfOutcome, RunEnded } from "./ending.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { endOfState } from "./guard.ts";
import { type Relay, relay } from "./relay.ts";
import type { RunLog } from "./run-log.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import { wait } from "./wait.ts";

/** What working on the steps of one run takes. */
export type Work = Relay &
  OpenedSandbox & {
    run: Run;
    /** What the run has cost so far. */
    costUsd: () => number;
    log: RunLog;
    signal: AbortSignal;
  };

const RECONNECT_MS = 200;
const RECONNECT_TRIES = 50;
const ONE_ATTEMPT = 1;

/** Tells why the executor is lost if its sandbox is, and otherwise waits a little before the next try. */
const lookAtLost = async (work: Work, tries: number, error: ExecutorLostError): Promise<void> => {
  const state = await work.driver.inspect(work.handle);
  if (state.status !== "running") throw endOfState(state, work.run.limits) ?? error;
  if (tries >= RECONNECT_TRIES) throw new RunEnded("sandbox_lost", "Its executor does not answer any more.", { cause: error });
  await wait(RECONNECT_MS, work.signal);
  work.signal.throwIfAborted();
};

/**
 * Gives the agent one prompt and relays all it says until the execution has ended. A cut connection is opened again from the
 * last stored event: the execution's id makes a second request join the first.
 */
const execute = async (work: Work, executionId: string, prompt: string): Promise<ExecutionOutcome> => {
  const { run, executor, transcript, signal } = work;
  const { turns, budgetUsd, stallSeconds } = run.limits;
  const leftUsd = budgetUsd === null ? null : budgetUsd - work.costUsd();
  if (leftUsd !== null && leftUsd <= 0) {
    return {
      kind: "failed",
      code: "limit_budget",
      message: `It may cost ${budgetUsd} US dollars; launch again with a higher budget.`,
    };
  }
  const input = {
    prompt,
    executionId,
    maxTurns: turns,
    stallTimeoutMs: stallSeconds * 1000,
    ...(run.model === null ? {} : { model: run.model }),
    ...(leftUsd === null ? {} : { maxBudgetUsd: leftUsd }),
  };
  let tries = 0;
  for (;;) {
    const after = await transcript.spoolPosition(run.id, work.instanceId);
    try {
      const outcome = await relay(work, executor.execute(input, after, signal), executionId);
      if (outcome !== null) return outcome;
      throw new ExecutorLostError("the stream ended before the execution did");
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ExecutorLostError)) throw error;
      if ((await transcript.spoolPosition(run.id, work.instanceId)) > after) tries = 0;
      await lookAtLost(work, ++tries, error);
    }
  }
};

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

/** How many checks there were, and how many of them nobody judged. */
export type CheckCount = { commands: number; unjudged: number };

/** Runs the commands of a step's checks in order and stops at the first that fails: gives that end, or null when all passed. */
const check = async (work: Work, stepIndex: number, checks: string): Promise<Ending | null> => {
  const { executor, log, run, signal } = work;
  const { commands, prose } = parseChecks(checks);
  for (const command of commands) {
    await log.write({ type: "check_started", stepIndex, attempt: ONE_ATTEMPT, command });
    const result = await executor
      .check({ command, timeoutMs: run.limits.checkSeconds * 1000 }, signal)
      .catch(async (error: unknown) => {
        signal.throwIfAborted();
        // A command may have done half of its work when the connection was lost: it is not run a second time.
        if (error instanceof ExecutorLostError) await lookAtLost(work, RECONNECT_TRIES, error);
        if (error instanceof CcrError) throw new RunEnded("check_failed", `'${command}' could not be run: ${error.message}`);
        throw error;
      });
    await log.write({ type: "check_finished", stepIndex, attempt: ONE_ATTEMPT, result });
    if (!result.passed) return ending("check_failed", describeFailure(result));
  }
  if (prose !== "") await log.write({ type: "check_not_judged", stepIndex, text: prose });
  return null;
};

/** Counts the checks of all steps. Pure. */
export const countChecks = (steps: Run["steps"]): CheckCount => {
  const parsed = steps.map(({ checks }) => parseChecks(checks));
  return {
    commands: parsed.reduce((sum, { commands }) => sum + commands.length, 0),
    unjudged: parsed.filter(({ prose }) => prose !== "").length,
  };
};

/** Works on every step in order, in one conversation. Gives the end of the first step that fails, or null when all passed. */
export const workOnSteps = async (work: Work, started: (stepIndex: number) => Promise<void>): Promise<Ending | null> => {
  for (const [stepIndex, step] of work.run.steps.entries()) {
    await started(stepIndex);
    await work.log.write({ type: "step_started", stepIndex, attempt: ONE_ATTEMPT, instructions: step.instructions });
    const outcome = await execute(work, `${work.run.id}-${stepIndex}-${ONE_ATTEMPT}`, step.instructions);
    const end = endingOfOutcome(outcome) ?? (await check(work, stepIndex, step.checks));
    await work.log.write({ type: "step_finished", stepIndex, attempt: ONE_ATTEMPT, passed: end === null });
    if (end !== null) {
      const where = work.run.steps.length > 1 ? `Step ${stepIndex + 1} of ${work.run.steps.length}: ` : "";
      return { ...end, sentence: `${where}${end.sentence}` };
    }
  }
  return null;
};
