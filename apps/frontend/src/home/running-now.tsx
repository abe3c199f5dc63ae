import type { RunsOverview } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { Layers } from "lucide-react";
import { Cost } from "../runs/cost.tsx";
import { repositoryAt } from "../runs/repositories.ts";
import { RunLink } from "../runs/run-link.tsx";
import { RunRow } from "../runs/run-row.tsx";
import { RunBadge, startOf } from "../runs/status.tsx";
import { classes } from "../ui/classes.ts";
import { plural } from "../ui/format.ts";
import { Card } from "../ui/layout.tsx";
import { TailPath } from "../ui/tail-path.tsx";
import { Elapsed } from "../ui/time.tsx";
import { useActivity } from "./use-activity.ts";

type Running = RunsOverview["running"][number];

const Steps = ({ run: { steps, stepIndex } }: { run: Running }) => {
  if (steps.length < 2) return null;
  const at = stepIndex ?? 0;
  return (
    <div className="flex items-center gap-2">
      <div aria-hidden className="flex h-1.5 w-24 gap-0.5 sm:w-32">
        {steps.map((_, index) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: steps never change their places
            key={index}
            className={classes(
              "min-w-px flex-1 rounded-full",
              index < at ? "bg-accent" : index === at ? "bg-accent/50" : "bg-line",
            )}
          />
        ))}
      </div>
      <span className="nums text-xs whitespace-nowrap text-ink-soft">
        Step {at + 1} of {steps.length}
      </span>
    </div>
  );
};

const doingOf = (run: Running, activity: string | null): string => {
  if (run.status === "canceling") return "Saving what was done and removing the sandbox.";
  return activity ?? (run.status === "starting" ? "Getting a sandbox ready" : "Working");
};

const RunningRow = ({ run }: { run: Running }) => {
  const doing = doingOf(run, useActivity(run));
  return (
    <li data-run={run.id} className="relative flex flex-col gap-1.5 px-4 py-3 transition-colors hover:bg-hover">
      <div className="flex min-w-0 flex-wrap items-start justify-between gap-x-4 gap-y-1">
        <div className="min-w-0 flex-1 basis-60">
          <RunLink run={run} />
          <TailPath text={repositoryAt(run)} className="text-xs text-ink-soft" />
        </div>
        <div className="flex shrink-0 items-center gap-3 text-xs text-ink-faint">
          <span className="nums">
            <span className="sr-only">Cost so far </span>
            <Cost usage={run.usage} />
          </span>
          <span className="nums">
            <span className="sr-only">Elapsed </span>
            <Elapsed from={startOf(run)} to={null} />
          </span>
          <RunBadge run={run} />
        </div>
      </div>
      <div className="flex min-w-0 flex-wrap items-center gap-x-4 gap-y-1">
        <Steps run={run} />
        <p className="min-w-0 flex-1 basis-48 truncate text-xs text-ink-soft" title={doing}>
          {doing}
        </p>
      </div>
    </li>
  );
};

/** The runs that go on, each with what it does. */
export const RunningNow = ({ running, total }: { running: readonly Running[]; total: number }) => (
  <Card className="overflow-hidden">
    <ul className="divide-y divide-line">
      {running.map((run) => (
        <RunningRow key={run.id} run={run} />
      ))}
    </ul>
    {total > running.length && (
      <p className="border-t border-line px-4 py-2 text-xs text-ink-soft">
        <Link to="/runs" search={{ status: "active" }} className="rounded font-medium text-accent hover:underline">
          And {total - running.length} more
        </Link>
      </p>
    )}
  </Card>
);

/** What waits for its turn; runs of one batch are one line. */
export const Queued = ({ queued: { runs, batches, total } }: { queued: RunsOverview["queued"] }) => {
  const shown = runs.length + batches.reduce((sum, { count }) => sum + count, 0);
  return (
    <Card className="overflow-hidden">
      <ul className="divide-y divide-line">
        {runs.map((run) => (
          <RunRow key={run.id} run={run} />
        ))}
        {batches.map(({ id, name, count, position }) => (
          <li
            key={id}
            className="relative flex flex-wrap items-center gap-x-3 gap-y-0.5 px-4 py-3 transition-colors hover:bg-hover"
          >
            <Layers aria-hidden className="size-4 shrink-0 text-ink-faint" />
            <Link
              to="/batches/$batchId"
              params={{ batchId: id }}
              className="inset-ring-focus min-w-0 flex-1 basis-32 truncate rounded font-medium after:absolute after:inset-0"
            >
              {name}
            </Link>
            <span className="text-xs text-ink-soft">
              {plural(count, "run")} of a batch, the first is {position === 1 ? "next" : `at place ${position}`}
            </span>
          </li>
        ))}
      </ul>
      {total > shown && (
        <p className="border-t border-line px-4 py-2 text-xs text-ink-soft">
          <Link to="/runs" search={{ status: "queued" }} className="rounded font-medium text-accent hover:underline">
            And {total - shown} more
          </Link>
        </p>
      )}
    </Card>
  );
};
