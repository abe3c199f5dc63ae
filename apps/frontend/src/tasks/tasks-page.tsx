import type { Task } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ListChecks, Play, Plus, Trash2 } from "lucide-react";
import { useApi } from "../api/client.ts";
import { buttonClasses, IconButton } from "../ui/button.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { plural } from "../ui/format.ts";
import { Card, Page } from "../ui/layout.tsx";
import { Ago } from "../ui/time.tsx";
import { DeleteTask } from "./delete-task.tsx";

const newTaskLink = (
  <Link to="/tasks/new" className={buttonClasses("primary")}>
    <Plus aria-hidden className="size-3.5" /> New task
  </Link>
);

const TaskRow = ({ task }: { task: Task }) => {
  const withChecks = task.steps.filter(({ checks }) => checks.trim() !== "").length;
  return (
    <li className="relative flex items-center gap-3 px-4 py-3 transition-colors hover:bg-hover">
      <div className="min-w-0 flex-1">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
        >
          {task.name}
        </Link>
        <p className="text-xs text-ink-faint">
          {plural(task.steps.length, "step")}
          {withChecks > 0 && `, ${withChecks} with checks`}
          {task.allowNoChanges && " · may pass without changes"} · edited <Ago at={task.updatedAt} />
        </p>
      </div>
      <div className="relative z-10 flex shrink-0 items-center gap-1">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          hash="launch"
          aria-label={`Launch ${task.name}`}
          className={buttonClasses("secondary", "sm")}
        >
          <Play aria-hidden className="size-3" /> Launch
        </Link>
        <DeleteTask
          task={task}
          trigger={(busy) => (
            <IconButton label={`Delete ${task.name}`} busy={busy}>
              <Trash2 aria-hidden className="size-3.5" />
            </IconButton>
          )}
        />
      </div>
    </li>
  );
};

/** Every task. */
export const TasksPage = () => {
  const { trpc } = useApi();
  const tasks = useQuery(trpc.tasks.list.queryOptions());
  return (
    <Page
      title="Tasks"
      heading="Tasks"
      intro="A task is a list of steps that can be run against any repository."
      actions={newTaskLink}
    >
      <Card className="overflow-hidden">
        {tasks.data === undefined ? (
          tasks.error === null ? (
            <Skeleton />
          ) : (
            <LoadError error={tasks.error} onRetry={() => tasks.refetch()} />
          )
        ) : tasks.data.length === 0 ? (
          <EmptyState icon={ListChecks} title="No tasks yet" action={newTaskLink}>
            Write what is to be done and how to check it; then launch it as often as you like.
          </EmptyState>
        ) : (
          <ul className="divide-y divide-line">
            {tasks.data.map((task) => (
              <TaskRow key={task.id} task={task} />
            ))}
          </ul>
        )}
      </Card>
    </Page>
  );
};
