import type { ExecutionOutcome, InstanceId, RunReason } from "@ccr/protocol";

/** Why and how a run ends; `sentence` is what a person reads. */
export type Ending = { reason: RunReason; sentence: string };

/**
 * How far the work on a run is: what a supervisor that takes it over goes on from. It is written in the same commit as the message that
 * tells of it, so the two never differ.
 */
export type Progress = {
  stepIndex: number;
  attempt: number;
  /** How long the run had been worked on when the step began. */
  startedMs: number;
  /** The workspace's HEAD when the step began, as far as it is known. */
  headBefore?: string | null;
  /** So many attempts were added to those that the run is limited to, since people said something. */
  granted?: number;
  phase: StepPhase;
};

/**
 * `agent`: the prompt was, or is to be, given to the agent; `outcome` is set once its turn has ended. It was resumed so many times, the last
 * time when the run had been worked on for `sinceMs` (left out by servers that did not keep it yet); `deaths` counts what made that necessary,
 * less what was forgiven since for work that was done. `feedback`: what it is asked instead of the step's instructions, at a later attempt.
 * `checks`: of the step's commands so many were begun, and so many have passed. `judge`: what they passed on is being judged; `asked` counts
 * the judges.
 * `ended`: the step is over; null: the run goes on. `over`: so is the run, and only what is to be saved and removed remains. `checked` is the
 * snapshot on which the checks of the step passed; left out when it has none.
 */
export type StepPhase =
  | {
      kind: "agent";
      resumed: number;
      deaths: number;
      sinceMs?: number;
      feedback?: string;
      /** How many turns of this attempt people have asked for before this one. */
      said?: number;
      /** A person has broken it off, and is waited for. */
      isHeld?: boolean;
      /** It has not begun: the day's budget is used up. */
      isHeldBack?: boolean;
      outcome: ExecutionOutcome | null;
    }
  | { kind: "checks"; checkout: Checkout | null; begun: number; passed: number }
  | { kind: "judge"; checkout: Checkout; asked: number; outcome: ExecutionOutcome | null }
  | { kind: "ended"; end: Ending | null; checked?: string }
  | { kind: "over"; end: Ending; saved: boolean; checked?: string };

/**
 * A sandbox with a clean checkout of a snapshot; it is made under this id, or will be. So many of them have died in this attempt. `requests`:
 * how many requests of the run there were before.
 */
export type Checkout = { instanceId: InstanceId; commit: string; deaths: number; requests: number };
