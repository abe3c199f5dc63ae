import { isFinal, RUN_REASONS, type Run } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleStop, Clock, Coins, Container, GitBranch, type LucideIcon, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { draftOfRun, launchDraftKey } from "../../launch/launch-draft.ts";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { storeDraft } from "../../ui/draft.ts";
import { formatCount, formatMoment, plural } from "../../ui/format.ts";
import { Ago, Elapsed } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { Cost } from "../cost.tsx";
import { type Activity, describeActivity } from "../entries/activity.ts";
import { StatusBadge, startOf } from "../status.tsx";

const stepPhrase = ({ stepIndex, steps }: Run): string =>
  stepIndex === null || steps.length < 2 ? "" : `Step ${stepIndex + 1} of ${steps.length} – `;

/** What happens now, or what came of the run, in one sentence. */
const sentenceOf = (run: Run, activity: Activity, unreachable: boolean): string => {
  if (unreachable && !isFinal(run.status)) return "What goes on now is not known until the server can be reached again.";
  switch (run.status) {
    case "queued":
      return "Waiting for its turn: as many runs as the server allows go on already.";
    case "starting":
      return describeActivity(activity) ?? "Getting a sandbox ready";
    case "running":
      return `${stepPhrase(run)}${describeActivity(activity) ?? "Working"}`;
    case "waiting":
      return "A person must answer before it goes on.";
    case "canceling":
      return "Saving what was done and removing the sandbox.";
    case "succeeded":
    case "failed":
    case "errored":
    case "canceled":
      return run.sentence ?? (run.reason === null ? "The run has ended." : RUN_REASONS[run.reason].sentence);
  }
};

const Fact = ({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children: ReactNode }) => (
  <span className="flex min-w-0 items-center gap-1.5" title={title}>
    <Icon aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
    <span className="nums min-w-0 truncate">{children}</span>
  </span>
);

const CancelButton = ({ run }: { run: Run }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const queryKey = trpc.runs.byId.queryKey({ id: run.id });
  const cancel = useMutation(
    trpc.runs.cancel.mutationOptions({
      onSuccess: (next) => queries.setQueryData(queryKey, next),
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

/** Leads to the launch form of the task as it is today, filled in as this run was launched. */
const AgainButton = ({ run, taskDeleted }: { run: Run; taskDeleted: boolean }) => {
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
      onClick={() => storeDraft(launchDraftKey(run.taskId), draftOfRun(run))}
      className={buttonClasses("secondary", "sm")}
    >
      {sign} Launch again
    </Link>
  );
};

/** What a run is, how it stands, and what can be done with it. */
export const RunHeader = ({ run, activity }: { run: Run; activity: Activity }) => {
  const ended = isFinal(run.status);
  const unreachable = useUnreachable() !== null;
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id: run.taskId }, { staleTime: 30_000 }));
  const taskDeleted = statusOf(task.error) === 404;
  const { usage } = run;
  const tokens = usage.inputTokens + usage.outputTokens;
  return (
    <header className="flex flex-col gap-2 border-b border-line bg-surface px-4 py-3 sm:px-5">
      <div className="flex items-start gap-3">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1.5">
          <h1 className="max-w-full min-w-0 truncate text-lg font-semibold tracking-tight">
            {taskDeleted ? (
              <span title={run.taskName}>{run.taskName}</span>
            ) : (
              <Link to="/tasks/$taskId" params={{ taskId: run.taskId }} className="rounded hover:underline" title={run.taskName}>
                {run.taskName}
              </Link>
            )}
          </h1>
          <StatusBadge status={run.status} />
        </div>
        {ended ? <AgainButton run={run} taskDeleted={taskDeleted} /> : <CancelButton run={run} />}
      </div>
      <p role="status" className="line-clamp-2 text-ink-soft [overflow-wrap:anywhere]">
        {sentenceOf(run, activity, unreachable)}
      </p>
      <div className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
        <Fact
          icon={GitBranch}
          title={run.baseCommit === null ? run.repository : `${run.repository}, from commit ${run.baseCommit}`}
        >
          {run.repository}
          {run.ref === null ? "" : `@${run.ref}`}
          {run.baseCommit !== null && <span className="code text-ink-faint"> {run.baseCommit.slice(0, 8)}</span>}
        </Fact>
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
          {tokens > 0 && <span className="text-ink-faint"> · {formatCount(tokens)} tokens</span>}
        </Fact>
        {run.driver !== null && (
          <Fact icon={Container} title="The sandbox driver">
            {run.driver}
          </Fact>
        )}
      </div>
    </header>
  );
};
