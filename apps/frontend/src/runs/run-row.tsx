import { isFinal, type RunView } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { formatElapsed } from "../ui/format.ts";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago, Elapsed } from "../ui/time.tsx";
import { Cost } from "./cost.tsx";
import { queueSentence } from "./queue.ts";
import { describeRepositories, otherRepositories, repositoryAt } from "./repositories.ts";
import { RunBadge, startOf } from "./status.tsx";

/** The run's outcome in a sentence, or where it stands before that; empty when the badge says all. */
const sentenceOf = (run: RunView): string => {
  if (run.status === "queued") return queueSentence(run);
  if (run.status === "running" && run.stepIndex !== null && run.steps.length > 1)
    return `Step ${run.stepIndex + 1} of ${run.steps.length}`;
  return run.outcome?.sentence ?? "";
};

/** One run in a list; all of it leads to the run's page. */
export const RunRow = ({ run }: { run: RunView }) => {
  const sentence = sentenceOf(run);
  const others = otherRepositories(run);
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 gap-y-1 px-4 py-3 transition-colors hover:bg-hover md:grid-cols-[11.5rem_minmax(0,1fr)_6.5rem_6rem_4.5rem]">
      <div className="order-2 justify-self-end md:order-none md:justify-self-start">
        <RunBadge run={run} className="max-w-42 md:max-w-none" />
      </div>
      <div className="order-1 min-w-0 md:order-none">
        <Link
          to="/runs/$runId"
          params={{ runId: run.id }}
          title={others === "" ? undefined : `Repositories: ${describeRepositories(run)}`}
          className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
        >
          {run.taskName}
        </Link>
        <p className="flex min-w-0 gap-1.5 text-xs text-ink-soft">
          <TailPath text={repositoryAt(run)} />
          {others !== "" && <span className="shrink-0">{others}</span>}
        </p>
        {sentence !== "" && (
          <p className="line-clamp-2 text-xs text-ink-faint [overflow-wrap:anywhere]" title={sentence}>
            {sentence}
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
