import { RUN_OUTCOMES, type TaskOverview } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { lookOf } from "../runs/status.tsx";
import { classes } from "../ui/classes.ts";
import { formatMoment } from "../ui/format.ts";

type LastRun = TaskOverview["lastRuns"][number];

const BARS: Record<LastRun["status"], string> = {
  queued: "bg-line-strong h-2",
  starting: "bg-accent h-3 animate-pulse",
  running: "bg-accent h-3 animate-pulse",
  waiting: "bg-warn h-3",
  canceling: "bg-line-strong h-3 animate-pulse",
  succeeded: "bg-ok h-4",
  failed: "bg-bad h-2.5",
  errored: "bg-warn h-2.5",
  canceled: "bg-line-strong h-2",
};

/** What is said of a run in the strip. */
export const labelOfRun = ({ status, outcome }: Pick<LastRun, "status" | "outcome">): string =>
  outcome === null ? lookOf({ status, outcome: null }).label : RUN_OUTCOMES[outcome].title;

/** The last runs of a task, the oldest first, each by the colour and the height of a bar; each leads to its run. */
export const RunStrip = ({ task }: { task: Pick<TaskOverview, "name" | "lastRuns"> }) => {
  const { lastRuns } = task;
  if (lastRuns.length === 0) return <p className="text-xs text-ink-faint">No runs yet</p>;
  return (
    <ol
      className="flex items-end"
      aria-label={`Last ${lastRuns.length === 1 ? "run" : `${lastRuns.length} runs`} of ${task.name}`}
    >
      {lastRuns.toReversed().map((run) => {
        const label = `${labelOfRun(run)}, ${formatMoment(run.createdAt)}`;
        return (
          <li key={run.id} className="flex">
            <Link
              to="/runs/$runId"
              params={{ runId: run.id }}
              aria-label={label}
              title={label}
              className="flex h-6 w-3 items-end justify-center rounded-sm pb-0.5 hover:bg-hover"
            >
              <span aria-hidden className={classes("w-1.5 rounded-xs", BARS[run.status])} />
            </Link>
          </li>
        );
      })}
    </ol>
  );
};
