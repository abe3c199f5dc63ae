import { z } from "zod";
import { RepositoryText } from "./checkout.ts";
import { CreateRunInput } from "./run.ts";
import { Step } from "./step.ts";
import { TASK_NAME_MAX } from "./task.ts";

/** Short enough for a list, long enough to tell one from another. */
const QUICK_NAME_MAX = 80;

/**
 * A run from a few words, without a task that was written before: it gets one of its own, with this one step, that is not among the tasks until
 * somebody saves it. What is left out is as in `CreateRunInput`; nothing is delivered, unless it says so.
 */
export const StartRunInput = CreateRunInput.omit({ taskId: true, parameters: true }).extend({
  repository: RepositoryText,
  /** What Claude Code is to do. */
  prompt: Step.shape.instructions,
  checks: Step.shape.checks,
  /** Whether a run that changes no file may pass: for questions. */
  allowNoChanges: z.boolean().default(false),
});
export type StartRunInput = z.infer<typeof StartRunInput>;

/** How the task of such a run is called: after the first line of the prompt that says something. Pure. */
export const quickTaskName = (prompt: string): string => {
  const line =
    prompt
      .split(/\r?\n/)
      .map((text) => text.replace(/^[\s#>*-]+/, "").trim())
      .find((text) => text !== "") ?? "A run";
  const plain = line.replaceAll(/\s+/g, " ");
  if (plain.length <= QUICK_NAME_MAX) return plain.slice(0, TASK_NAME_MAX);
  const cut = plain.slice(0, QUICK_NAME_MAX);
  const word = cut.lastIndexOf(" ");
  return `${(word > QUICK_NAME_MAX / 2 ? cut.slice(0, word) : cut).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
};
