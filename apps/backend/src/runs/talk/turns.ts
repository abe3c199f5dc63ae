import type { ExecutionOutcome, Question, RunInput, RunnerBody } from "@ccr/protocol";
import type { Progress, StepPhase } from "../../store/progress-types.ts";
import { InputChangedError } from "../../store/types.ts";
import { agentPhase } from "../attempt.ts";
import type { Scene } from "../scene.ts";
import { tellWhetherWaiting } from "./questions.ts";

/* What people said while the agent was at work is told to it when its turn has ended, before its work is checked. */

type AgentPhase = Extract<StepPhase, { kind: "agent" }>;
type EndedPhase = Extract<StepPhase, { kind: "ended" }>;

const GO_ON = "Nobody has said anything more. Go on with what you were asked to do.";

const promptsOf = (queued: readonly RunInput[]): { input: RunInput; text: string }[] =>
  queued.flatMap((input) => (input.body.kind === "prompt" ? [{ input, text: input.body.text }] : []));
const interruptsOf = (queued: readonly RunInput[]): RunInput[] => queued.filter(({ body }) => body.kind === "interrupt");
const taken = (inputs: readonly RunInput[]) => inputs.map(({ id, revision }) => ({ id, revision, to: "taken" as const }));
const late = (inputs: readonly RunInput[]) => inputs.map(({ id, revision }) => ({ id, revision, to: "late" as const }));
const saidBodies = (prompts: readonly { text: string }[]): RunnerBody[] => prompts.map(({ text }) => ({ type: "said", text }));
const joined = (prompts: readonly { text: string }[]): string => prompts.map(({ text }) => text).join("\n\n");

/** What was said may be changed while it is being taken: then it is read once more. */
const untilUnchanged = async <Result>(act: () => Promise<Result>): Promise<Result> => {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof InputChangedError)) throw error;
    }
  }
};

/** Waits for its turn no longer than until the signal: what is done before it may hang. */
const aloneUntil = async <Result>(scene: Scene, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> => {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([
      scene.alone(() => {
        signal.throwIfAborted();
        return act();
      }),
      aborted.promise,
    ]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
};

/** The next turn of the same attempt. Pure. */
const nextTurn = (progress: Progress, phase: AgentPhase, { text, activeMs }: { text: string; activeMs: number }): Progress => ({
  ...progress,
  phase: { ...agentPhase(activeMs, text), said: (phase.said ?? 0) + 1 },
});

/** Whether a person wants the turn to be broken off that has ended so. */
export const isBrokenOffByPerson = async ({ stores, run }: Scene, { isHeld }: AgentPhase): Promise<boolean> =>
  isHeld === true || interruptsOf(await stores.inputs.listQueued(run.id)).length > 0;

/**
 * From where the run goes on after a turn of the agent, when people have said something in the meantime: with another turn, for which an interrupted
 * agent waits as long as a question may. null: nobody has said anything, and its work is looked at.
 */
export const hearPeople = async (
  scene: Scene,
  turn: { progress: Progress; phase: AgentPhase; outcome: ExecutionOutcome; signal: AbortSignal },
): Promise<Progress | null> => {
  const { outcome, signal } = turn;
  try {
    if (outcome.kind === "failed") return null;
    const next = await untilUnchanged(() => aloneUntil(scene, signal, () => takeTurn(scene, turn)));
    if (next !== "held") return next;
    await tellWhetherWaiting(scene);
    const isTold = await untilTold(scene, signal);
    signal.throwIfAborted();
    const told = await untilUnchanged(() =>
      aloneUntil(scene, signal, () => (isTold ? takeTurn(scene, turn) : goOn(scene, turn))),
    );
    // What was said was taken back at the last moment.
    return told === "held" ? await hearPeople(scene, turn) : told;
  } finally {
    scene.isAgentAtWork = false;
    scene.agentHas = null;
    if (!signal.aborted) await tellWhetherWaiting(scene);
  }
};

/** `held`: nobody has said what the interrupted agent is to do. */
const takeTurn = async (
  scene: Scene,
  { progress, phase, outcome }: { progress: Progress; phase: AgentPhase; outcome: ExecutionOutcome },
): Promise<Progress | "held" | null> => {
  const { stores, run, log } = scene;
  const queued = await stores.inputs.listQueued(run.id);
  const prompts = promptsOf(queued);
  const interrupts = interruptsOf(queued);
  const isInterrupted = outcome.kind === "interrupted";
  const wasTold = scene.questions.some(({ kind }) => kind === "interrupted");
  if (isInterrupted && interrupts.length === 0 && phase.isHeld !== true && !wasTold) return null;
  const brokenOff: RunnerBody[] = isInterrupted && interrupts.length > 0 ? [{ type: "interrupted" }] : [];
  if (prompts.length > 0) {
    const next = nextTurn(progress, phase, { text: joined(prompts), activeMs: scene.activeMs() });
    // One that came when the turn was over already is no wish to break off the next one.
    const inputs = taken([...interrupts, ...prompts.map(({ input }) => input)]);
    await log.record([...brokenOff, ...saidBodies(prompts)], { progress: next, inputs, questions: [] });
    scene.questions = [];
    return next;
  }
  if (!isInterrupted) {
    // The turn was over before it could be broken off, and the next one is not meant.
    if (interrupts.length > 0) await log.record([], { inputs: late(interrupts) });
    return null;
  }
  if (brokenOff.length > 0 || !wasTold) {
    const questions = [heldQuestion(scene, progress, phase)];
    const held = { ...progress, phase: { ...phase, outcome, isHeld: true } };
    await log.record(brokenOff, { progress: held, inputs: taken(interrupts), questions });
    scene.questions = questions;
  }
  return "held";
};

const goOn = async (scene: Scene, { progress, phase }: { progress: Progress; phase: AgentPhase }): Promise<Progress> => {
  const { answerSeconds } = scene.run.limits;
  const next = nextTurn(progress, phase, { text: GO_ON, activeMs: scene.activeMs() });
  const text = `Nobody said within ${answerSeconds} s what to do instead: Claude Code is asked to go on.`;
  const inputs = late(interruptsOf(await scene.stores.inputs.listQueued(scene.run.id)));
  await scene.log.record([{ type: "note", text }], { progress: next, inputs, questions: [] });
  scene.questions = [];
  return next;
};

const heldQuestion = ({ run, deps }: Scene, { stepIndex, attempt }: Progress, { said = 0, resumed }: AgentPhase): Question => ({
  questionId: `${run.id}-${stepIndex}-${attempt}-${said}-${resumed}`,
  kind: "interrupted",
  toolName: null,
  toolUseId: null,
  input: null,
  description: null,
  canBeAlways: false,
  at: deps.clock.now().toISOString(),
});

/** Waits until something is said to the agent; false when nothing was for as long as a question may wait. */
const untilTold = async ({ stores, run, deps }: Scene, signal: AbortSignal): Promise<boolean> => {
  const { clock } = deps;
  const until = clock.elapsedMs() + run.limits.answerSeconds * 1000;
  let isChanged = true;
  let wake = (): void => {};
  const stop = stores.inputs.listen(run.id, () => {
    isChanged = true;
    wake();
  });
  try {
    while (!signal.aborted) {
      if (isChanged) {
        isChanged = false;
        if (promptsOf(await stores.inputs.listQueued(run.id)).length > 0) return true;
        continue;
      }
      const left = until - clock.elapsedMs();
      if (left <= 0) return false;
      const woken = new AbortController();
      wake = () => woken.abort();
      await clock.wait(left, AbortSignal.any([signal, woken.signal]));
    }
    return false;
  } finally {
    stop();
  }
};

/** The ends of a step that a person's words may still turn. */
const MENDABLE: ReadonlySet<string> = new Set(["check_failed", "check_broken"]);

/**
 * Another attempt at a step that is over, when people said something after its agent's last turn; it counts for none of those that the run is limited to.
 * null: nobody did.
 */
export const hearAfterChecks = async (
  scene: Scene,
  { progress, phase: { end }, signal }: { progress: Progress; phase: EndedPhase; signal: AbortSignal },
): Promise<Progress | null> => {
  if (end !== null && !MENDABLE.has(end.reason)) return null;
  const { stores, run, log } = scene;
  return untilUnchanged(() =>
    aloneUntil(scene, signal, async () => {
      const prompts = promptsOf(await stores.inputs.listQueued(run.id));
      if (prompts.length === 0) return null;
      const { stepIndex } = progress;
      const attempt = progress.attempt + 1;
      const about = end === null ? "" : `Your work was checked, and did not pass: ${end.sentence}\n\n`;
      const instructions = `${about}${joined(prompts)}`;
      const next: Progress = {
        ...progress,
        attempt,
        granted: (progress.granted ?? 0) + 1,
        phase: agentPhase(scene.activeMs(), instructions),
      };
      const started: RunnerBody = { type: "step_started", stepIndex, attempt, instructions };
      const inputs = taken(prompts.map(({ input }) => input));
      await log.record([...saidBodies(prompts), started], { progress: next, inputs });
      return next;
    }),
  );
};
