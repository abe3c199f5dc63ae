import { isFinal, RUN_REASONS, type RunView } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { formatElapsed } from "../ui/format.ts";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago, Elapsed } from "../ui/time.tsx";
import { Cost } from "./cost.tsx";
import { queueSentence } from "./queue.ts";
import { StatusBadge, startOf } from "./status.tsx";

/** Why a run stands where it does, in few words; empty when the status says all. */
const reasonOf = (run: RunView): string => {
  if (run.status === "queued") return queueSentence(run);
  if (run.status === "running" && run.stepIndex !== null && run.steps.length > 1)
    return `Step ${run.stepIndex + 1} of ${run.steps.length}`;
  if (run.reason === null || run.reason === "passed" || run.reason === "canceled") return "";
  return run.sentence ?? RUN_REASONS[run.reason].sentence;
};

/** One run in a list; all of it leads to the run's page. */
export const RunRow = ({ run }: { run: RunView }) => {
  const reason = reasonOf(run);
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 gap-y-1 px-4 py-3 transition-colors hover:bg-hover md:grid-cols-[8.5rem_minmax(0,1fr)_6.5rem_6rem_4.5rem]">
      <div className="order-2 justify-self-end md:order-none md:justify-self-start">
        <StatusBadge status={run.status} />
      </div>
      <div className="order-1 min-w-0 md:order-none">
        <Link
          to="/runs/$runId"
          params={{ runId: run.id }}
          className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
        >
          {run.taskName}
        </Link>
        <TailPath text={run.ref === null ? run.repository : `${run.repository}@${run.ref}`} className="text-xs text-ink-soft" />
        {reason !== "" && (
          <p className="line-clamp-2 text-xs text-ink-faint [overflow-wrap:anywhere]" title={reason}>
            {reason}
          </p>
        )}
      </div>
      <div className="order-3 col-span-2 flex gap-3 text-xs text-ink-faint md:contents">
        <Ago at={run.createdAt} className="nums md:text-right" />
        <span className="nums whitespace-nowrap md:text-right">
          <span className="sr-only">Duration </span>
          {isFinal(run.status) && run.endedAt !== null ? (
            formatElapsed(Date.parse(run.endedAt) - Date.parse(startOf(run)))
          ) : (
            <Elapsed from={startOf(run)} to={null} />
          )}
        </span>
        <span className="nums whitespace-nowrap md:text-right">
          <span className="sr-only">Cost </span>
          <Cost usage={run.usage} />
        </span>
      </div>
    </li>
  );
};
