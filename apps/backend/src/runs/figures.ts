import { parseChecks, type Run, type StepFigures } from "@ccr/protocol";
import type { Progress } from "../store/progress-types.ts";
import type { RunPatch } from "../store/types.ts";

/** How many checks of the step have passed by this progress; null: it says nothing of it. */
const passedBy = ({ phase }: Progress, checks: string, total: number): number | null => {
  switch (phase.kind) {
    case "checks":
      return phase.passed;
    case "judge":
      return parseChecks(checks).commands.length;
    case "ended":
      return phase.end === null ? total : null;
    case "agent":
    case "over":
      return null;
  }
};

/** The figures of a run after this progress. While the agent works once more, checks stand as they came out last. Pure. */
export const figuresAfter = (figures: readonly StepFigures[], progress: Progress, steps: Run["steps"]): StepFigures[] =>
  figures.map((step, index) => {
    // An end may be told by one who did not see how far the run had come.
    if (index !== progress.stepIndex || progress.phase.kind === "over") return step;
    const passed = passedBy(progress, steps[index]?.checks ?? "", step.total) ?? step.passed;
    return { ...step, attempts: Math.max(step.attempts, progress.attempt), passed };
  });

/** Puts a run's figures beside every progress that is stored, so that they are never older than that. */
export const figuresBeside = (steps: Run["steps"], known: StepFigures[]): ((patch: RunPatch) => RunPatch) => {
  let figures = known;
  return (patch) => {
    if (patch.progress === undefined) return patch;
    figures = figuresAfter(figures, patch.progress, steps);
    return { ...patch, figures };
  };
};
