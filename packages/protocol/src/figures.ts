import { z } from "zod";
import { parseChecks, type Step } from "./step.ts";

const Count = z.number().int().nonnegative();

/** What came of one step: how often it was tried, and of its checks how many there are, and how many passed when they ran last. */
export const StepFigures = z.object({ attempts: Count, passed: Count, total: Count });
export type StepFigures = z.infer<typeof StepFigures>;

/** The figures of steps that nobody has worked on. Prose is one check, which a judge decides on. Pure. */
export const noFigures = (steps: readonly Step[]): StepFigures[] =>
  steps.map(({ checks }) => {
    const { commands, prose } = parseChecks(checks);
    return { attempts: 0, passed: 0, total: commands.length + (prose === "" ? 0 : 1) };
  });

/** How much a diff changes; lines of binary files do not count. */
export const DiffSize = z.object({ files: Count, additions: Count, deletions: Count });
export type DiffSize = z.infer<typeof DiffSize>;

/** Pure. */
export const diffSizeOf = (files: readonly { additions: number | null; deletions: number | null }[]): DiffSize => ({
  files: files.length,
  additions: files.reduce((sum, { additions }) => sum + (additions ?? 0), 0),
  deletions: files.reduce((sum, { deletions }) => sum + (deletions ?? 0), 0),
});
