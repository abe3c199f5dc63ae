import type { AgentBody, Run, RunUsage } from "@ccr/protocol";
import type { Prepared } from "../store/environment-types.ts";
import type { Claim, Progress } from "../store/types.ts";
import type { Background } from "./background.ts";
import type { RunDeps } from "./deps.ts";
import { figuresBeside } from "./figures.ts";
import { patient, type RunStores } from "./patience.ts";
import { type RunLog, runLog } from "./run-log.ts";
import type { OpenedSandbox } from "./sandboxes.ts";
import { addJudgeUsage, addUsage } from "./usage.ts";

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
  /** Keeps the requests of the run's door. */
  requests: Background | null;
  /** Takes copies of the work. */
  copies: Background | null;
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
  /** How often the sandbox was revived, less what was forgiven since for work that was done. */
  revivals: number;
  /** How long the run has been worked on, in milliseconds. */
  activeMs: () => number;
  /** Tells of time that passed while nobody counted. */
  wasActive: (ms: number) => void;
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
  const startedAt = clock.elapsedMs();
  let before = claim.activeMs;
  const activeMs = (): number => Math.round(before + clock.elapsedMs() - startedAt);
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
    requests: null,
    copies: null,
    copying: Promise.resolve(),
    isChecking: false,
    stop,
    usage: run.usage,
    heard: 0,
    isRunning: run.startedAt !== null,
    revivals: 0,
    activeMs,
    wasActive: (ms) => {
      before += Math.max(0, ms - activeMs());
    },
    hold: async () => {
      await stores.queue.renew(run.id, fence, activeMs());
    },
  };
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
