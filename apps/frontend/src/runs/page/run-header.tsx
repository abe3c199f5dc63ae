import { isFinal, type RunView, setsUpAlone } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { DeliveryLine } from "../../delivery/delivery-line.tsx";
import { QuietPart } from "../../ui/boundary.tsx";
import { classes } from "../../ui/classes.ts";
import { lazyPart } from "../../ui/lazy-part.tsx";
import type { Activity } from "../entries/activity.ts";
import { RunBadge } from "../status.tsx";
import { nowOf } from "./now.ts";
import { NowSentence } from "./now-sentence.tsx";
import { AgainButton, CancelButton } from "./run-buttons.tsx";
import { RunFacts } from "./run-facts.tsx";
import { useCalm } from "./use-calm.ts";

// Few runs have a task that can be saved.
const SaveAsTask = lazyPart(() => import("../../tasks/save-as-task.tsx").then(({ SaveAsTask }) => SaveAsTask));

/** What a run is, how it stands, and what can be done with it. */
export const RunHeader = ({ run, activity }: { run: RunView; activity: Activity }) => {
  const ended = isFinal(run.status);
  const unreachable = useUnreachable() !== null;
  const now = useCalm(useMemo(() => nowOf(run, activity, unreachable), [run, activity, unreachable]));
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id: run.taskId }, { staleTime: 30_000 }));
  const taskDeleted = statusOf(task.error) === 404;
  return (
    <header className="flex flex-col gap-2 border-b border-line bg-surface px-4 py-2.5 sm:px-5 sm:py-3">
      <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-start gap-x-3 gap-y-1.5 sm:grid-cols-[minmax(0,auto)_auto_minmax(0,1fr)_auto]">
        <h1 className="col-span-2 line-clamp-2 max-w-full min-w-0 text-base leading-6 font-semibold tracking-tight [overflow-wrap:anywhere] sm:col-span-1 sm:line-clamp-none sm:truncate sm:text-lg">
          {taskDeleted || setsUpAlone(run) ? (
            <span title={run.taskName}>{run.taskName}</span>
          ) : (
            <Link
              to="/tasks/$taskId"
              params={{ taskId: run.taskId }}
              className="rounded hover:underline sm:inline-block sm:min-h-6"
              title={run.taskName}
            >
              {run.taskName}
            </Link>
          )}
        </h1>
        {/* On a phone the badge stands before the sentence, or above that of an outcome; elsewhere after the name. */}
        <div className={classes("col-span-3 row-start-2 flex gap-x-3 gap-y-1 sm:contents", run.outcome !== null && "flex-wrap")}>
          <div className="sm:col-start-2 sm:row-start-1">
            <RunBadge run={run} />
          </div>
          <NowSentence
            now={now}
            isOutcome={run.outcome !== null}
            className={classes(
              "min-w-0 pt-0.5 sm:col-span-4 sm:col-start-1 sm:row-start-2 sm:pt-0",
              run.outcome === null ? "flex-1" : "basis-full",
            )}
          />
        </div>
        <div className="col-start-3 row-start-1 sm:col-start-4">
          <div className="flex flex-wrap justify-end gap-2">
            {task.data?.isQuick === true && !setsUpAlone(run) && (
              <QuietPart name="way to save it">
                <SaveAsTask task={task.data} />
              </QuietPart>
            )}
            {ended ? <AgainButton run={run} task={task.data} taskDeleted={taskDeleted} /> : <CancelButton run={run} />}
          </div>
        </div>
        {run.outcome !== null && (
          <p className="col-span-full [overflow-wrap:anywhere]">
            <span className="font-medium">What to do: </span>
            <span className="text-ink-soft">{run.outcome.next}</span>
          </p>
        )}
      </div>
      <DeliveryLine run={run} />
      <RunFacts run={run} taskDeleted={taskDeleted} />
    </header>
  );
};
