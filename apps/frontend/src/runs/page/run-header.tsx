import {
  type Continuation,
  checkoutsOf,
  isFinal,
  outcomeOf,
  type Run,
  type RunCheckout,
  type RunView,
  type Task,
} from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  CircleStop,
  Clock,
  Coins,
  Container,
  CornerDownRight,
  GitBranch,
  Layers,
  type LucideIcon,
  Package,
  RotateCw,
} from "lucide-react";
import { lazy, type ReactNode, Suspense, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { describeMember } from "../../batches/words.ts";
import { DeliveryLine } from "../../delivery/delivery-line.tsx";
import { draftOfRun } from "../../launch/draft-of-run.ts";
import { launchDraftKey } from "../../launch/launch-keys.ts";
import { TaskVersionFact } from "../../tasks/task-version-fact.tsx";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { storeDraft } from "../../ui/draft.ts";
import { formatCount, formatMoment, plural } from "../../ui/format.ts";
import { TailPath } from "../../ui/tail-path.tsx";
import { Ago, Elapsed } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { Cost } from "../cost.tsx";
import type { Activity } from "../entries/activity.ts";
import { PriorityButtons, usePriority } from "../priority-buttons.tsx";
import { MANY_REPOSITORIES, repositoryAt } from "../repositories.ts";
import { RunBadge, startOf } from "../status.tsx";
import { type Now, nowOf } from "./now.ts";
import { useCalm } from "./use-calm.ts";

// Few runs have a task that can be saved.
const SaveAsTask = lazy(() => import("../../tasks/save-as-task.tsx").then((module) => ({ default: module.SaveAsTask })));

const CONTINUES = {
  person: "Somebody asked for it",
  checks: "Checks of its pull request failed",
  review: "A reviewer of its pull request wrote something",
} as const;

const startOfWork = ({ fromKept }: Continuation): string =>
  fromKept.length > 0
    ? "It began with the work as that run left it."
    : "It began on the branch of that run, or where that run began.";

/** A sentence in two lines at most; all of an outcome's is shown when asked for. */
const Sentence = ({ now, isOutcome, className }: { now: Now; isOutcome: boolean; className: string }) => {
  const { text, subject, since } = now;
  const paragraph = useRef<HTMLParagraphElement>(null);
  const [open, setOpen] = useState(false);
  const [isCut, setIsCut] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the height follows
  useLayoutEffect(() => {
    const element = paragraph.current;
    if (element === null || open) return;
    const observer = new ResizeObserver(() => setIsCut(element.scrollHeight > element.clientHeight + 1));
    observer.observe(element);
    return () => observer.disconnect();
  }, [open, text]);
  return (
    <div className={className}>
      <p ref={paragraph} role="status" className={classes("text-ink-soft [overflow-wrap:anywhere]", !open && "line-clamp-2")}>
        {text}
        {subject !== "" && (
          <>
            {" "}
            <code className="code">{subject}</code>
          </>
        )}
        {/* A clock that is read out each second is no help. */}
        {since !== null && (
          <span aria-hidden className="nums text-ink-faint">
            {" "}
            for <Elapsed from={since} to={null} />
          </span>
        )}
      </p>
      {isOutcome && isCut && (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className="rounded text-xs font-medium text-accent hover:underline"
        >
          {open ? "Show less" : "Show all of it"}
        </button>
      )}
    </div>
  );
};

const Fact = ({
  icon: Icon,
  title,
  className = "flex",
  children,
}: {
  icon: LucideIcon;
  title: string;
  className?: string;
  children: ReactNode;
}) => (
  <span className={classes("min-w-0 items-center gap-1.5", className)} title={title}>
    <Icon aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
    <span className="nums min-w-0 truncate">{children}</span>
  </span>
);

/** A repository of a run, and what it starts from there; of several, after the name of its folder. */
const RepositoryFact = ({ checkout }: { checkout: RunCheckout }) => {
  const { repository, directory, baseCommit } = checkout;
  return (
    <Fact icon={GitBranch} title={baseCommit === null ? repository : `${repository}, from commit ${baseCommit}`}>
      <span className="flex min-w-0 gap-1.5">
        {directory !== null && (
          <span className="code max-w-[45%] shrink-0 truncate leading-[inherit] text-ink">
            {directory}
            <span aria-hidden>/</span>
          </span>
        )}
        <TailPath text={repositoryAt(checkout)} />
        {baseCommit !== null && <span className="code leading-[inherit] text-ink-faint">{baseCommit.slice(0, 8)}</span>}
      </span>
    </Fact>
  );
};

/** The repositories of a run that has several, each with its folder. With many of them the list scrolls: what is under it needs its room. */
const Repositories = ({ checkouts }: { checkouts: readonly RunCheckout[] }) => {
  const areMany = checkouts.length > MANY_REPOSITORIES;
  return (
    <section
      aria-label="Repositories"
      // A region that scrolls must be reachable by keyboard.
      tabIndex={areMany ? 0 : undefined}
      // The last line is cut, so that one sees that there are more.
      className={classes("text-xs text-ink-soft", areMany && "inset-ring-focus max-h-17 overflow-y-auto")}
    >
      <ul className="flex flex-col gap-y-0.5">
        {checkouts.map((checkout) => (
          <li key={checkout.directory} className="flex min-w-0">
            <RepositoryFact checkout={checkout} />
          </li>
        ))}
      </ul>
    </section>
  );
};

const CancelButton = ({ run }: { run: Run }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id: run.id });
  const cancel = useMutation(
    trpc.runs.cancel.mutationOptions({
      // A run that was canceled has no place in the queue.
      onSuccess: (next) => queries.setQueryData(queryKey, { ...next, queue: null, outcome: outcomeOf(next) }),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey }),
    }),
  );
  const canceling = run.status === "canceling" || cancel.isPending;
  if (canceling) {
    return (
      <Button size="sm" busy>
        Canceling
      </Button>
    );
  }
  return (
    <Confirm
      title="Cancel this run?"
      action="Cancel the run"
      onConfirm={() => cancel.mutate({ id: run.id })}
      trigger={
        <Button size="sm" tone="danger">
          <CircleStop aria-hidden className="size-3.5" /> Cancel
        </Button>
      }
    >
      Claude Code is stopped. What it has changed so far is saved with the run.
    </Confirm>
  );
};

/** Moves a run that waits up or down in the queue. */
const Priority = ({ run }: { run: RunView }) => {
  const priority = usePriority();
  return (
    <span className="inline-flex gap-1">
      <PriorityButtons run={priority.shown(run)} priority={priority} look="words" />
    </span>
  );
};

/** Leads to the launch form of the task as it is today, filled in as this run was launched. */
const AgainButton = ({ run, task, taskDeleted }: { run: Run; task: Task | undefined; taskDeleted: boolean }) => {
  const sign = <RotateCw aria-hidden className="size-3.5" />;
  if (taskDeleted) {
    return (
      <div className="flex shrink-0 flex-col items-end gap-1">
        <Button size="sm" disabled aria-describedby="again-reason">
          {sign} Launch again
        </Button>
        <p id="again-reason" className="text-2xs text-ink-faint">
          Its task was deleted
        </p>
      </div>
    );
  }
  return (
    <Link
      to="/tasks/$taskId"
      params={{ taskId: run.taskId }}
      hash="launch"
      title="Opens the launch form of the task as it is today, filled in as this run was launched"
      onClick={() => storeDraft(launchDraftKey(run.taskId), draftOfRun(run, task?.defaults.limits))}
      className={buttonClasses("secondary", "sm")}
    >
      {sign} Launch again
    </Link>
  );
};

/** What a run is, how it stands, and what can be done with it. */
export const RunHeader = ({ run, activity }: { run: RunView; activity: Activity }) => {
  const ended = isFinal(run.status);
  const unreachable = useUnreachable() !== null;
  const now = useCalm(useMemo(() => nowOf(run, activity, unreachable), [run, activity, unreachable]));
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id: run.taskId }, { staleTime: 30_000 }));
  const taskDeleted = statusOf(task.error) === 404;
  const { usage } = run;
  const checkouts = checkoutsOf(run);
  const tokens = usage.inputTokens + usage.outputTokens;
  return (
    <header className="flex flex-col gap-2 border-b border-line bg-surface px-4 py-2.5 sm:px-5 sm:py-3">
      <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-start gap-x-3 gap-y-1.5 sm:grid-cols-[minmax(0,auto)_auto_minmax(0,1fr)_auto]">
        <h1 className="col-span-2 max-w-full min-w-0 truncate text-base font-semibold tracking-tight sm:col-span-1 sm:text-lg">
          {taskDeleted ? (
            <span title={run.taskName}>{run.taskName}</span>
          ) : (
            <Link
              to="/tasks/$taskId"
              params={{ taskId: run.taskId }}
              className="inline-block min-h-6 rounded hover:underline"
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
          <Sentence
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
            {task.data?.isQuick === true && (
              <Suspense fallback={null}>
                <SaveAsTask task={task.data} />
              </Suspense>
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
      {checkouts.length > 1 && <Repositories checkouts={checkouts} />}
      <div className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
        {checkouts.length === 1 && <RepositoryFact checkout={run} />}
        <Fact icon={Clock} title={`Launched ${formatMoment(run.createdAt)}`}>
          <Elapsed from={startOf(run)} to={run.endedAt} />
          <span className="text-ink-faint">
            {" "}
            · <Ago at={run.createdAt} />
          </span>
        </Fact>
        <Fact
          icon={Coins}
          title={`${usage.inputTokens.toLocaleString("en")} tokens in, ${usage.outputTokens.toLocaleString("en")} out, ${plural(usage.turns, "model call")}`}
        >
          <Cost usage={usage} />
          {usage.judges !== undefined && (
            <span className="text-ink-faint">
              , <Cost usage={usage.judges} /> of it for judging
            </span>
          )}
          {tokens > 0 && <span className="text-ink-faint"> · {formatCount(tokens)} tokens</span>}
        </Fact>
        <TaskVersionFact run={run} taskDeleted={taskDeleted} />
        {run.continues !== null && (
          <Fact icon={CornerDownRight} title={`${CONTINUES[run.continues.because]}. ${startOfWork(run.continues)}`}>
            <Link to="/runs/$runId" params={{ runId: run.continues.runId }} className="rounded hover:underline">
              goes on from an earlier run
            </Link>
          </Fact>
        )}
        {run.batch !== null && (
          <Fact icon={Layers} title="The batch with which it was launched">
            <Link to="/batches/$batchId" params={{ batchId: run.batch.id }} className="rounded hover:underline">
              {describeMember(run.batch)}
            </Link>
          </Fact>
        )}
        {run.status === "queued" && <Priority run={run} />}
        {run.environment !== null && (
          <Fact icon={Package} title="The environment" className="hidden sm:flex">
            <Link
              to="/environments/$environmentId"
              params={{ environmentId: run.environment.id }}
              className="truncate rounded hover:underline"
            >
              {run.environment.name}
            </Link>
          </Fact>
        )}
        {run.driver !== null && (
          <Fact icon={Container} title="The sandbox driver" className="hidden sm:flex">
            {run.driver}
          </Fact>
        )}
      </div>
    </header>
  );
};
