import type { Run, Task } from "@ccr/protocol";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleStop, RotateCw } from "lucide-react";
import { Button, buttonClasses } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useBeforehand } from "../../ui/use-settled.ts";
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

// What a run was launched with is read when somebody wants that again.
const importDraftOfRun = () => import("../../launch/draft-of-run.ts");
const fetchDraftOfRun = (): void => {
  // What cannot be had now is fetched when it is wanted.
  importDraftOfRun().catch(() => {});
};

/**
 * Leads to the launch form of the task as it is today, filled in as this run was launched. Where there is no such task any more, the run's own steps are
 * launched once more.
 */
export const AgainButton = ({ run, task, taskDeleted }: { run: Run; task: Task | undefined; taskDeleted: boolean }) => {
  const retry = useRetry();
  const toasts = useToasts();
  const navigate = useNavigate();
  useBeforehand(fetchDraftOfRun);
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
      onClick={(event) => {
        // A tab of its own has a form of its own.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        importDraftOfRun().then(({ storeDraftOfRun }) => {
          storeDraftOfRun(run, task?.defaults.limits);
          void navigate({ to: "/tasks/$taskId", params: { taskId: run.taskId }, hash: "launch" });
        }, toasts.error);
      }}
      className={buttonClasses("secondary", "sm")}
    >
      {sign} <span className="max-sm:sr-only">Launch again…</span>
    </Link>
  );
};
