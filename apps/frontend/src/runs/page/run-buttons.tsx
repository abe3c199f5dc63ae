import { outcomeOf, type Run, type Task } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleStop, RotateCw } from "lucide-react";
import { useApi } from "../../api/client.ts";
import { draftOfRun } from "../../launch/draft-of-run.ts";
import { launchDraftKey } from "../../launch/launch-keys.ts";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { storeDraft } from "../../ui/draft.ts";
import { useToasts } from "../../ui/toast.tsx";

export const CancelButton = ({ run }: { run: Run }) => {
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

/** Leads to the launch form of the task as it is today, filled in as this run was launched. */
export const AgainButton = ({ run, task, taskDeleted }: { run: Run; task: Task | undefined; taskDeleted: boolean }) => {
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
      {sign} <span className="max-sm:sr-only">Launch again</span>
    </Link>
  );
};
