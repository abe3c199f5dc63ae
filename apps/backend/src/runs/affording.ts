import { type BudgetHold, type DayBudget, holdOf, holdSentence, type RunnerBody } from "@ccr/protocol";
import type { Progress, StepPhase } from "../store/progress-types.ts";
import type { Clock } from "./deps.ts";
import type { RunStores } from "./patience.ts";
import type { RunLog } from "./run-log.ts";
import type { Scene } from "./scene.ts";

// So soon is gone on after the ceiling was raised, whichever server was told, and after midnight.
const LOOK_EVERY_MS = 1000;

type Waiting = Pick<Scene, "progress" | "clockwork" | "activeMs" | "isAgentAtWork" | "agentHas"> & {
  stores: { budgets: Pick<RunStores["budgets"], "today"> };
  deps: { clock: Pick<Clock, "wait"> };
  log: Pick<RunLog, "record">;
};
type AgentPhase = Extract<StepPhase, { kind: "agent" }>;

const stage = (state: "started" | "progress" | "finished", text: string): RunnerBody => ({
  type: "stage",
  stage: "budget",
  state,
  text,
});

const waitingFor = (hold: BudgetHold): string => `Waiting: ${holdSentence(hold)}.`;

/** Whether an attempt is only to begin now: one that an earlier supervisor left may be at work, and its agent is not left alone. */
const isToBegin = (
  scene: Pick<Scene, "progress">,
  progress: Progress,
  { resumed, said = 0, outcome, isHeldBack }: AgentPhase,
): boolean => isHeldBack === true || (progress !== scene.progress && resumed === 0 && said === 0 && outcome === null);

/**
 * Before an attempt: waits as long as the day's budget is used up, which takes nothing from the run's time. Gives from where the run goes on. Whoever takes the
 * run over meanwhile waits on. Throws the signal's reason.
 */
export const untilAffordable = async (
  scene: Waiting,
  { progress, phase, signal }: { progress: Progress; phase: AgentPhase; signal: AbortSignal },
): Promise<Progress> => {
  if (!isToBegin(scene, progress, phase)) return progress;
  const { stores, deps, log, clockwork } = scene;
  const { isHeldBack, ...free } = phase;
  const today = (): Promise<DayBudget> => stores.budgets.today();
  let hold = holdOf(await today());
  if (hold === null && isHeldBack !== true) return progress;
  // No turn goes on that could be broken off, or told of other settings.
  scene.isAgentAtWork = false;
  scene.agentHas = null;
  try {
    let told = hold === null ? "" : waitingFor(hold);
    if (hold !== null && isHeldBack !== true)
      await log.record([stage("started", told)], { progress: { ...progress, phase: { ...phase, isHeldBack: true } } });
    while (hold !== null) {
      // Asked for each time: whoever answers a question meanwhile lets the time go on.
      clockwork.pause("budget");
      await deps.clock.wait(LOOK_EVERY_MS, signal);
      signal.throwIfAborted();
      hold = holdOf(await today());
      if (hold === null || waitingFor(hold) === told) continue;
      // Another ceiling, and still too low.
      told = waitingFor(hold);
      await log.record([stage("progress", told)]);
    }
  } finally {
    clockwork.resume();
  }
  const goesOn: Progress = { ...progress, phase: { ...free, sinceMs: scene.activeMs() } };
  await log.record([stage("finished", "The day's budget has room: the run goes on.")], { progress: goesOn });
  return goesOn;
};
