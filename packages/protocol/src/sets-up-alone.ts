import type { Run } from "./run.ts";

/** Whether a run does nothing but set its environment up. Pure. */
export const setsUpAlone = ({ steps }: Pick<Run, "steps">): boolean => steps.length === 0;
