import type { Run, Task } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { CircleStop, RotateCw } from "lucide-react";
import { draftOfRun } from "../../launch/draft-of-run.ts";
import { launchDraftKey } from "../../launch/launch-keys.ts";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { storeDraft } from "../../ui/draft.ts";
import { useRetry } from "../use-retry.ts";
import { CANCEL_QUESTION, useCancel } from "./use-cancel.ts";

export const CancelButton = ({ run }: { run: Run }) => {
  const cancel = useCancel(run.id);
  if (run.status === "canceling") {
    return (
      <Button size="sm" busy>
        Canceling
      </Button>
    );
  }
  return (
    <Confirm
      title={CANCEL_QUESTION.title}
      action={CANCEL_QUESTION.action}
      onConfirm={cancel}
      trigger={
        <Button size="sm" tone="danger">
          <CircleStop aria-hidden className="size-3.5" /> Cancel
        </Button>
      }
    >
      {CANCEL_QUESTION.text}
    </Confirm>
  );
};

/**
 * Leads to the launch form of the task as it is today, filled in as this run was launched. Where there is no such task any more, the run's own steps are
 * launched once more.
 */
export const AgainButton = ({ run, task, taskDeleted }: { run: Run; task: Task | undefined; taskDeleted: boolean }) => {
  const retry = useRetry();
  const sign = <RotateCw aria-hidden className="size-3.5" />;
  if (taskDeleted) {
    return (
      <Button
        size="sm"
        busy={retry.busyId === run.id}
        title="Its task was deleted: launches the same steps once more, as this run has them"
        onClick={() => retry.launch(run.id)}
      >
        {sign} <span className="max-sm:sr-only">Launch again</span>
      </Button>
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
      {sign} <span className="max-sm:sr-only">Launch again…</span>
    </Link>
  );
};
