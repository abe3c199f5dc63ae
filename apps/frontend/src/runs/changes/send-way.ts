import { deliveriesOf, isFinal, type Run } from "@ccr/protocol";

/** The way that comments take to Claude Code; `label` is what the button says, and `note` what happens then. */
export type SendWay = { kind: "can"; label: string; note: string } | { kind: "cannot"; note: string };

const LABEL = "Send to Claude";

/** How comments on the changes of a run reach Claude Code now. Pure. */
export const sendWayOf = (run: Pick<Run, "status" | "baseCommit" | "delivered" | "additionalRepositories">): SendWay => {
  const { status } = run;
  if (status === "canceling") return { kind: "cannot", note: "The run is being canceled. Send them when it has ended." };
  if (!isFinal(status)) return { kind: "can", label: LABEL, note: "Claude Code is told when its turn has ended." };
  if (run.baseCommit === null) return { kind: "cannot", note: "The run ended before there was anything to go on with." };
  const isPushed = deliveriesOf(run).some((delivered) => delivered.isPushed);
  const note = isPushed
    ? "A run starts that goes on from this one, on its branch."
    : "A run starts that goes on with this work as it was left. Nothing is pushed for that.";
  return { kind: "can", label: LABEL, note };
};
