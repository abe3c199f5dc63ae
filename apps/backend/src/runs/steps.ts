import {
  type AgentBody,
  type CheckResult,
  type ExecutionOutcome,
  type InstanceId,
  parseChecks,
  type Run,
  type SandboxHandle,
  type SpoolEvent,
} from "@ccr/protocol";
import type { SandboxDriver } from "../drivers/types.ts";
import type { Transcript } from "../store/types.ts";
import { type Ending, ending, endingOfOutcome, RunEnded } from "./ending.ts";
import { type ExecutorClient, ExecutorLostError } from "./executor-client.ts";
import { endOfState, wait } from "./guard.ts";
import { batches } from "./relay.ts";
import type { RunLog } from "./run-log.ts";

/** What working on the steps of one run takes. */
export type Work = {
  run: Run;
  fence: number;
  instanceId: InstanceId;
  handle: SandboxHandle;
  driver: SandboxDriver;
  executor: ExecutorClient;
  transcript: Transcript;
  /** Told of every message of the agent, in order, after it is stored. */
  heard: (body: AgentBody) => Promise<void>;
  /** What the run has cost so far. */
  costUsd: () => number;
  log: RunLog;
  signal: AbortSignal;
};

const RECONNECT_MS = 200;
const RECONNECT_TRIES = 50;
const ONE_ATTEMPT = 1;

/** A rough size for batching: the text is what makes a message large, and measuring it exactly would mean serialising it twice. */
const sizeOf = (event: SpoolEvent): number => JSON.stringify(event.body).length;

/** Appends every event of a stream to the transcript; gives the outcome of the execution when its end was among them. */
export const relay = async (
  work: Pick<Work, "run" | "fence" | "instanceId" | "transcript" | "heard">,
  events: AsyncIterable<SpoolEvent>,
  executionId: string | null,
): Promise<ExecutionOutcome | null> => {
  let outcome: ExecutionOutcome | null = null;
  for await (const batch of batches(events, sizeOf)) {
    await work.transcript.appendSpooled(work.run.id, work.fence, { instanceId: work.instanceId, events: batch });
    for (const { source, body } of batch) {
      if (source === "agent") await work.heard(body);
      else if (body.type === "execution_ended" && body.executionId === executionId) outcome = body.outcome;
    }
  }
  return outcome;
};

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

/** Runs the commands of a step's checks in order and stops at the first that fails: gives that end, or null when all passed. */
const check = async (work: Work, stepIndex: number, checks: string): Promise<Ending | null> => {
  const { executor, log, run, signal } = work;
  const { commands, prose } = parseChecks(checks);
  for (const command of commands) {
    await log.write({ type: "check_started", stepIndex, attempt: ONE_ATTEMPT, command });
    const result = await executor
      .check({ command, timeoutMs: run.limits.checkSeconds * 1000 }, signal)
      .catch(async (error: unknown) => {
        if (error instanceof ExecutorLostError) await lookAtLost(work, RECONNECT_TRIES, error);
        throw error;
      });
    await log.write({ type: "check_finished", stepIndex, attempt: ONE_ATTEMPT, result });
    if (!result.passed) return ending("check_failed", describeFailure(result));
  }
  if (prose !== "") await log.write({ type: "check_not_judged", stepIndex, text: prose });
  return null;
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
