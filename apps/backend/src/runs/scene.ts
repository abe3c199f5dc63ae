import type { AgentBody, Question, Run, RunUsage } from "@ccr/protocol";
import type { Prepared } from "../store/environment-types.ts";
import type { Progress } from "../store/progress-types.ts";
import type { Claim } from "../store/types.ts";
import type { Background } from "./background.ts";
import type { RunDeps } from "./deps.ts";
import { figuresBeside } from "./figures.ts";
import { patient, type RunStores } from "./patience.ts";
import { type RunLog, runLog } from "./run-log.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import { addJudgeUsage, addUsage } from "./usage.ts";
import type { WayOut } from "./way-out.ts";

/** People are waited for no longer than for so many unanswered questions; from then on the run's time goes on while it asks. */
export const WAITS_MAX = 10;

/** What everything that is done for one run needs. */
export type Scene = {
  run: Run;
  fence: number;
  deps: RunDeps;
  /** The store, waiting out what is away. */
  stores: RunStores;
  log: RunLog;
  /** How far an earlier supervisor of the run came. */
  progress: Progress | null;
  /** From what its sandboxes are made; null: its launch has not found it out yet. */
  prepared: Prepared | null;
  /** The run's sandbox as it is now; a revived one takes the place of a dead one. */
  sandbox: OpenedSandbox | null;
  guard: Background | null;
  /** The sandbox beside it in which a step's checks run now, on a clean checkout. */
  checkout: { opened: OpenedSandbox; guard: Background } | null;
  /** The snapshot that passed the checks of the last step that was worked on: this is the result, whatever is done to the workspace since. */
  checked: string | null;
  /** Where the run's door is open, or is to be; null: nowhere. */
  wayOut: WayOut | null;
  /** Keeps the requests of the run's door. */
  requests: Background | null;
  /** Takes copies of the work. */
  copies: Background | null;
  /** Brings to the agent what people say. */
  people: Background | null;
  /** Lets it look again. */
  wakePeople: () => void;
  /** Copies of the work are taken one after the other. */
  copying: Promise<unknown>;
  /** Whether what is kept is being checked, and must stay what it is. */
  isChecking: boolean;
  /** Ends the work on the run, in the way that the error says. */
  stop: (why: Error) => void;
  usage: RunUsage;
  /** How many messages the agent's own turns have brought so far, as far as this supervisor heard them. */
  heard: number;
  /** Whether the agent has begun, so that there is work to save. */
  isRunning: boolean;
  /** Whether the agent has a turn now, or is just being given one, which can be interrupted. */
  isAgentAtWork: boolean;
  /** How the agent was told to work in its present turn; empty: nobody knows any more. null: the turn has not begun. */
  agentHas: Partial<Pick<Run, "model" | "permissionMode">> | null;
  /** What the agent waits to be told. */
  questions: readonly Question[];
  /** Whether the run's status says so. */
  isWaiting: boolean;
  /** One after the other is done what takes to the agent what people said. */
  alone: <Result>(act: () => Promise<Result>) => Promise<Result>;
  /** How often the sandbox was revived, less what was forgiven since for work that was done. */
  revivals: number;
  /** How long the run has been worked on, in milliseconds. */
  activeMs: () => number;
  /** Tells of time that passed while nobody counted. */
  wasActive: (ms: number) => void;
  /** Lets its time stand still, for people within bounds, and go on. Idempotent. */
  clockwork: { pause: (waitsFor: "people" | "budget") => void; resume: () => void };
  /** Throws `FenceLostError` when somebody else drives the run now. To be asked before anything that the store does not guard. */
  hold: () => Promise<void>;
};

export const setScene = (options: { claim: Claim; deps: RunDeps; stop: (why: Error) => void; closing: AbortSignal }): Scene => {
  const { claim, deps, stop, closing } = options;
  const { run, fence } = claim;
  const { clock } = deps;
  const stores = patient(deps.store, {
    clock,
    log: (level, text, fields) => deps.log(level, text, { runId: run.id, ...fields }),
    signal: closing,
  });
  let before = claim.activeMs;
  /** null: it stands still. */
  let startedAt: number | null = clock.elapsedMs();
  let pausedAt = 0;
  let pausedFor: "people" | "budget" = "people";
  /** For people. */
  let pausedMs = 0;
  const activeMs = (): number => Math.round(before + (startedAt === null ? 0 : clock.elapsedMs() - startedAt));
  let turn: Promise<unknown> = Promise.resolve();
  return {
    run,
    fence,
    deps,
    stores,
    log: runLog({
      transcript: stores.transcript,
      clock,
      runId: run.id,
      fence,
      beside: figuresBeside(run.steps, claim.figures),
    }),
    progress: claim.progress,
    prepared: claim.prepared,
    sandbox: null,
    guard: null,
    checkout: null,
    checked: checkedBefore(claim.progress),
    wayOut: null,
    requests: null,
    copies: null,
    people: null,
    wakePeople: () => {},
    copying: Promise.resolve(),
    isChecking: false,
    stop,
    usage: run.usage,
    heard: 0,
    isRunning: run.startedAt !== null,
    // A turn that an earlier supervisor began goes on.
    isAgentAtWork: claim.progress === null || claim.progress.phase.kind === "agent",
    agentHas: claim.progress?.phase.kind === "agent" ? {} : null,
    questions: run.questions,
    isWaiting: run.status === "waiting",
    alone: (act) => {
      const result = turn.then(act);
      turn = result.catch(() => {});
      return result;
    },
    revivals: 0,
    activeMs,
    wasActive: (ms) => {
      before += Math.max(0, ms - activeMs());
    },
    clockwork: {
      pause: (waitsFor) => {
        if (startedAt === null) return;
        if (waitsFor === "people" && pausedMs >= WAITS_MAX * run.limits.answerSeconds * 1000) return;
        pausedFor = waitsFor;
        before = activeMs();
        startedAt = null;
        pausedAt = clock.elapsedMs();
      },
      resume: () => {
        if (startedAt !== null) return;
        startedAt = clock.elapsedMs();
        if (pausedFor === "people") pausedMs += startedAt - pausedAt;
      },
    },
    hold: async () => {
      await stores.queue.renew(run.id, fence, activeMs());
    },
  };
};

// While its time stands still, it is looked now and then whether it goes on.
const PAUSED_LOOK_MS = 1000;

/**
 * Does something until the run has been worked on for `untilMs`, or until the signal: then its own signal aborts, with the error that `late` gives or with
 * the outer reason. Time in which a person is waited for does not count.
 */
export const whileActive = async <Result>(
  { deps: { clock }, activeMs }: Pick<Scene, "deps" | "activeMs">,
  { untilMs, signal, late }: { untilMs: number; signal: AbortSignal; late: () => Error },
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const done = new AbortController();
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    for (let left = untilMs - activeMs(); ; left = untilMs - activeMs()) {
      // At least one wait, so that what is over at the beginning is told in the same way.
      await clock.wait(Math.max(0, left), done.signal);
      if (done.signal.aborted) return;
      if (activeMs() >= untilMs) return over.abort(late());
      if (untilMs - activeMs() < PAUSED_LOOK_MS) await clock.wait(PAUSED_LOOK_MS, done.signal);
    }
  };
  void watch();
  try {
    return await act(AbortSignal.any([signal, over.signal]));
  } finally {
    done.abort();
  }
};

const checkedBefore = (progress: Progress | null): string | null => {
  const phase = progress?.phase;
  return phase?.kind === "ended" || phase?.kind === "over" ? (phase.checked ?? null) : null;
};

/** So many messages of the agent's own turns make up for one death on the way: it does get on. */
export const MESSAGES_PER_DEATH = 5;

/** The usage after more messages of the agent. Pure. */
export const usageAfter = (usage: RunUsage, bodies: readonly AgentBody[]): RunUsage => bodies.reduce(addUsage, usage);

/** The usage after more messages of a judge. Pure. */
export const usageAfterJudge = (usage: RunUsage, bodies: readonly AgentBody[]): RunUsage => bodies.reduce(addJudgeUsage, usage);

export const describeError = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
