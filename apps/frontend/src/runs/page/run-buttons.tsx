import type { Run, Task } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { CircleStop, RotateCw } from "lucide-react";
import { draftOfRun } from "../../launch/draft-of-run.ts";
import { launchDraftKey } from "../../launch/launch-keys.ts";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { storeDraft } from "../../ui/draft.ts";
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
