import type { InstanceRun, InstanceView } from "@ccr/protocol";
import { isFinal } from "@ccr/protocol";

/** What a sandbox is there for, in a few words. Pure. */
export const workOf = ({ status, run }: Pick<InstanceView, "status" | "run">): string => {
  if (run === null) return "its run was deleted";
  if (!run.isAgents) return status === "stopped" ? "set-up, checks, or replaced" : "set-up or checks";
  if (run.stepIndex === null) return run.steps === 1 ? "1 step" : `${run.steps} steps`;
  return `step ${run.stepIndex + 1} of ${run.steps}`;
};

/** What happens when a sandbox is removed now, in sentences. Pure. */
export const removalOf = (run: InstanceRun | null): string => {
  if (run === null || isFinal(run.status))
    return "Its run has ended already, and what it has done is saved. The sandbox and the files in it are removed.";
  const where = run.stepIndex === null ? "" : ` at step ${run.stepIndex + 1} of ${run.steps}`;
  return `The run “${run.taskName}” is ${run.status}${where}. It is canceled first: its commits and files are saved, and stay with the run. Then the sandbox is removed with all that runs in it. It does not go on by itself; you would launch it again.`;
};
