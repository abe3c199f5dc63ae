import { deliveriesOf, isFinal, type ListedRun, type RunView } from "@ccr/protocol";
import { GitBranch, GitPullRequest } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "../ui/classes.ts";
import { formatElapsed, plural } from "../ui/format.ts";
import { TailPath } from "../ui/tail-path.tsx";
import { Ago, Elapsed } from "../ui/time.tsx";
import { Cost } from "./cost.tsx";
import { queueSentence } from "./queue.ts";
import { describeRepositories, otherRepositories, repositoryAt } from "./repositories.ts";
import { RunLink } from "./run-link.tsx";
import { RunBadge, startOf } from "./status.tsx";

/** Where a run's columns are, as the heads above them. */
export const RUN_COLUMNS = "md:grid-cols-[11.5rem_minmax(0,1fr)_6.5rem_6rem_4.5rem]";

/** The run's outcome in a sentence, or where it stands before that; empty when the badge says all. */
const sentenceOf = (run: RunView): string => {
  if (run.status === "queued") return queueSentence(run);
  if (run.status === "running" && run.stepIndex !== null && run.steps.length > 1)
    return `Step ${run.stepIndex + 1} of ${run.steps.length}`;
  return run.outcome?.sentence ?? "";
};

/** How much was changed, and where the result is; nothing as long as there is none. */
const Result = ({ run }: { run: RunView & Partial<Pick<ListedRun, "diff">> }) => {
  const { diff } = run;
  const delivered = deliveriesOf(run).find(({ isPushed, pullRequest }) => isPushed || pullRequest !== null);
  if ((diff == null || diff.files === 0) && delivered === undefined) return null;
  return (
    <p className="mt-0.5 flex min-w-0 flex-wrap items-center gap-x-3 gap-y-0.5 text-xs text-ink-soft">
      {diff != null && diff.files > 0 && (
        <span className="nums whitespace-nowrap">
          <span className="text-ok">+{diff.additions.toLocaleString("en")}</span>{" "}
          <span className="text-bad">−{diff.deletions.toLocaleString("en")}</span> in {plural(diff.files, "file")}
        </span>
      )}
      {delivered !== undefined &&
        (delivered.pullRequest === null ? (
          <span className="flex min-w-0 items-center gap-1">
            <GitBranch aria-hidden className="size-3.5 shrink-0" />
            <span className="code truncate text-2xs">{delivered.branch}</span>
          </span>
        ) : (
          <a
            href={delivered.pullRequest.url}
            target="_blank"
            rel="noreferrer"
            className="relative z-10 inline-flex min-h-6 items-center gap-1 rounded font-medium text-accent hover:underline"
          >
            <GitPullRequest aria-hidden className="size-3.5" /> Pull request {delivered.pullRequest.number}
          </a>
        ))}
    </p>
  );
};

/**
 * One run in a list; all of it leads to the run's page, but for what stands before it (`lead`) and behind it (`actions`). `note` is said in place of
 * where it stands.
 */
export const RunRow = ({
  run,
  lead,
  actions,
  note,
  className,
}: {
  run: RunView & Partial<Pick<ListedRun, "diff">>;
  lead?: ReactNode;
  actions?: ReactNode;
  note?: string | null;
  className?: string | undefined;
}) => {
  const sentence = note ?? sentenceOf(run);
  const others = otherRepositories(run);
  return (
    <li
      data-run={run.id}
      className={classes(
        "relative flex items-start gap-3 px-4 py-3 transition-colors [contain-intrinsic-size:auto_5rem] [content-visibility:auto] hover:bg-hover",
        className,
      )}
    >
      {lead}
      <div
        className={classes("grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)] items-start gap-x-4 gap-y-1.5 md:gap-y-1", RUN_COLUMNS)}
      >
        <div>
          <RunBadge run={run} />
        </div>
        <div className="min-w-0">
          <RunLink run={run} title={others === "" ? undefined : `Repositories: ${describeRepositories(run)}`} />
          <p className="flex min-w-0 gap-1.5 text-xs text-ink-soft">
            <TailPath text={repositoryAt(run)} />
            {others !== "" && <span className="shrink-0">{others}</span>}
          </p>
          {sentence !== "" && (
            <p className="line-clamp-2 text-xs text-ink-faint [overflow-wrap:anywhere]" title={sentence}>
              {sentence}
            </p>
          )}
          <Result run={run} />
        </div>
        <div className="flex gap-3 text-xs text-ink-faint md:contents">
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
      </div>
      {actions}
    </li>
  );
};
