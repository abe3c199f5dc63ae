import { CcrError, type ExecutionOutcome, parseChecks, RUN_REASONS, type Run, type RunReason } from "@ccr/protocol";
import type { Ending } from "../store/progress-types.ts";
import { hasChecks, listed, scriptsOf } from "./attempt.ts";
import { ExecutorLostError } from "./executor-client.ts";
import { inRepository } from "./repositories.ts";

/** The reason's own sentence, and what is known beyond it. */
export const ending = (reason: RunReason, detail = ""): Ending => {
  const { sentence } = RUN_REASONS[reason];
  return { reason, sentence: detail.trim() === "" ? sentence : `${sentence} ${detail.trim()}` };
};

/** Scripts that a check runs and the agent changed: whoever takes the work over is to look at them. Pure. */
const aboutScripts = ({ steps, directory }: Pick<Run, "steps" | "directory">, changed: readonly string[]): string => {
  const scripts = new Set(scriptsOf(steps.flatMap(({ checks }) => parseChecks(checks).commands)));
  const bent = changed.filter((path) => scripts.has(path) || scripts.has(inRepository({ directory }, path)));
  return bent.length === 0 ? "" : `It changed ${listed(bent)}, which a check runs: look at that change.`;
};

/** The end of a run whose steps all passed: says only what was really checked. Pure. */
export const passed = (run: Pick<Run, "steps" | "allowNoChanges" | "directory">, changed: readonly string[]): Ending => {
  const { steps, allowNoChanges } = run;
  const isChanged = changed.length > 0;
  if (!isChanged && !allowNoChanges) return ending("no_changes");
  const reason = isChanged ? "passed" : "passed_no_changes";
  const checked = steps.filter(({ checks }) => hasChecks(checks)).length;
  const about = aboutScripts(run, changed);
  if (checked === steps.length) return ending(reason, about);
  const which =
    checked === 0 ? "none of them has checks" : `the checks of ${checked} of ${steps.length} passed, the others have none`;
  return {
    reason,
    sentence: `Every step finished; ${which}.${isChanged ? "" : " No file of the repository was changed."}${about === "" ? "" : ` ${about}`}`,
  };
};

/** Thrown, or given to an abort signal, to end the run at once in a known way. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
  readonly ending: Ending;

  constructor(reason: RunReason, detail = "", options?: { cause?: unknown }) {
    const known = ending(reason, detail);
    super(known.sentence, options);
    this.ending = known;
  }
}

/** The end that an execution's outcome means for the run; null when the run goes on. */
export const endingOfOutcome = (outcome: ExecutionOutcome): Ending | null => {
  switch (outcome.kind) {
    case "completed":
      return null;
    case "interrupted":
      // We interrupt only when we end the run ourselves, so somebody else stopped the executor.
      return ending("sandbox_lost", "Its executor was stopped.");
    case "failed":
      if (outcome.code === "verdict_invalid") return ending("check_broken", outcome.message);
      return ending(outcome.code === "agent_exited" ? "agent_error" : outcome.code, outcome.message);
  }
};

/** The reasons that errors of other rooms bring along. */
const BROUGHT = ["repository_unreachable", "repository_empty", "ref_not_found", "disk_full"] as const;

/** The end that an error means. What we did not foresee is `internal`; its details belong in the log, not before a person. */
export const endingOfError = (error: unknown): Ending => {
  if (error instanceof RunEnded) return error.ending;
  if (error instanceof ExecutorLostError) return ending("sandbox_lost", error.message);
  if (error instanceof Error && "reason" in error) {
    const brought = BROUGHT.find((reason) => reason === error.reason);
    if (brought !== undefined) return ending(brought, error.message);
  }
  if (error instanceof CcrError && error.code === "disk_full") return ending("disk_full", error.message);
  if (error instanceof Error && "code" in error && error.code === "ENOSPC")
    return ending("disk_full", "Free some space and launch again.");
  return ending("internal", "The server's log says what.");
};
