import { type Run, setsUpAlone, type Task } from "@ccr/protocol";
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

const AgainSign = ({ children }: { children: string }) => (
  <>
    <RotateCw aria-hidden className="size-3.5" /> <span className="max-sm:sr-only">{children}</span>
  </>
);

const RetryButton = ({ run: { id }, title }: { run: Run; title: string }) => {
  const { busyId, launch } = useRetry();
  return (
    <Button size="sm" busy={busyId === id} title={title} onClick={() => launch(id)}>
      <AgainSign>Launch again</AgainSign>
    </Button>
  );
};

const FormLink = ({ run, task }: { run: Run; task: Task | undefined }) => {
  const toasts = useToasts();
  const navigate = useNavigate();
  useBeforehand(fetchDraftOfRun);
  const to = { to: "/tasks/$taskId", params: { taskId: run.taskId }, hash: "launch" } as const;
  return (
    <Link
      {...to}
      title="Opens the launch form of the task as it is today, filled in as this run was launched"
      onClick={(event) => {
        // A tab of its own has a form of its own.
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        importDraftOfRun().then(({ storeDraftOfRun }) => {
          storeDraftOfRun(run, task?.defaults.limits);
          void navigate(to);
        }, toasts.error);
      }}
      className={buttonClasses("secondary", "sm")}
    >
      <AgainSign>Launch again…</AgainSign>
    </Link>
  );
};

/** Launches a run once more: through the form of its task as it is today, or, where there is no such task any more, at once with its own steps. */
export const AgainButton = ({ run, task, taskDeleted }: { run: Run; task: Task | undefined; taskDeleted: boolean }) =>
  setsUpAlone(run) ? (
    <RetryButton run={run} title="Sets the environment up as it is today" />
  ) : taskDeleted ? (
    <RetryButton run={run} title="Its task was deleted: launches the same steps once more, as this run has them" />
  ) : (
    <FormLink run={run} task={task} />
  );
