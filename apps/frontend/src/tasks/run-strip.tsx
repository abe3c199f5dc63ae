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

/** The last runs of a task, the oldest first, each by the colour and the height of a bar; all of it leads to them. */
export const RunStrip = ({ task }: { task: Pick<TaskOverview, "id" | "name" | "lastRuns"> }) => {
  const { lastRuns } = task;
  if (lastRuns.length === 0) return <p className="text-xs text-ink-faint">No runs yet</p>;
  const labels = lastRuns.map((run) => `${labelOfRun(run)}, ${formatMoment(run.createdAt)}`);
  return (
    <div className="relative flex h-6 items-end rounded-sm px-0.5 pb-0.5 hover:bg-hover">
      <ol
        className="flex items-end gap-1.5"
        aria-label={`Last ${lastRuns.length === 1 ? "run" : `${lastRuns.length} runs`} of ${task.name}, the newest at the end`}
      >
        {lastRuns
          .map((run, index) => (
            <li key={run.id} className={classes("w-1.5 rounded-xs", BARS[run.status])}>
              <span className="sr-only">{labels[index]}</span>
            </li>
          ))
          .toReversed()}
      </ol>
      {/* One target: the bars are too narrow to be aimed at. */}
      <Link
        to="/runs"
        search={{ task: task.id }}
        aria-label={`Runs of ${task.name}`}
        title={`The newest first:\n${labels.join("\n")}`}
        className="absolute inset-0 min-w-6 rounded-sm"
      />
    </div>
  );
};
