import { freeName, type TaskOverview } from "@ccr/protocol";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CopyPlus, Download, Play, Trash2 } from "lucide-react";
import { useApi } from "../api/client.ts";
import { useServerInfo } from "../api/server-info.ts";
import { IconButton } from "../ui/button.tsx";
import { formatCost, plural } from "../ui/format.ts";
import { Ago } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";
import { DeleteTask } from "./delete-task.tsx";
import { ExportTasks } from "./export-tasks.tsx";
import { invalidateTasks } from "./invalidate.ts";
import { LaunchDialog } from "./launch-dialog.tsx";
import { RunStrip } from "./run-strip.tsx";

const Duplicate = ({ task, taken }: { task: TaskOverview; taken: ReadonlySet<string> }) => {
  const { trpc, client } = useApi();
  const queries = useQueryClient();
  const toasts = useToasts();
  const duplicate = useMutation({
    mutationFn: async () => {
      const { name, steps, allowNoChanges, delivery, environmentId, parameters, defaults } = await client.tasks.byId.query({
        id: task.id,
      });
      const content = { steps, allowNoChanges, delivery, environmentId, parameters, defaults };
      return client.tasks.create.mutate({ name: freeName(name, taken), ...content });
    },
    onSuccess: (made) => toasts.ok(`“${made.name}” was made.`),
    onError: toasts.error,
    onSettled: () => invalidateTasks({ trpc, queries }),
  });
  return (
    <IconButton label={`Duplicate ${task.name}`} busy={duplicate.isPending} onClick={() => duplicate.mutate()}>
      <CopyPlus aria-hidden className="size-3.5" />
    </IconButton>
  );
};

/** What the last runs of a task cost; nothing when the model is a scripted one. */
const Costs = ({ task }: { task: TaskOverview }) => {
  const info = useServerInfo();
  if (task.costUsd === null || info === undefined) return <span className="text-ink-faint">–</span>;
  if (info.demo) return <span className="text-ink-faint">simulated</span>;
  const { last, median } = task.costUsd;
  return (
    <span className="nums whitespace-nowrap" title={`Median of the last ${task.lastRuns.length}; the last one`}>
      <span className="sr-only">Median cost </span>
      {formatCost(median)}
      <span className="text-ink-faint"> · last {formatCost(last)}</span>
    </span>
  );
};

const describeTask = (task: TaskOverview): string =>
  [
    `${plural(task.steps, "step")}${task.stepsWithChecks > 0 ? `, ${task.stepsWithChecks} with checks` : ""}`,
    task.parameters > 0 ? plural(task.parameters, "parameter") : "",
    task.repository ?? "",
    task.allowNoChanges ? "may pass without changes" : "",
  ]
    .filter((part) => part !== "")
    .join(" · ");

/** One task in the list; all of it leads to the task's page. */
export const TaskRow = ({ task, taken }: { task: TaskOverview; taken: ReadonlySet<string> }) => {
  const [last] = task.lastRuns;
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1.5 px-4 py-3 transition-colors hover:bg-hover md:grid-cols-[minmax(0,1fr)_8rem_9.5rem_auto]">
      <div className="col-span-2 min-w-0 md:col-span-1">
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          className="inset-ring-focus block truncate rounded font-medium after:absolute after:inset-0"
        >
          {task.name}
        </Link>
        <p className="truncate text-xs text-ink-faint" title={describeTask(task)}>
          {describeTask(task)}
        </p>
        <p className="text-xs text-ink-faint">
          Edited <Ago at={task.updatedAt} />
          {last !== undefined && (
            <>
              {" "}
              · run <Ago at={last.createdAt} />
            </>
          )}
        </p>
      </div>
      <div className="relative z-10 justify-self-start">
        <RunStrip task={task} />
      </div>
      <div className="justify-self-end text-xs md:justify-self-start">
        <Costs task={task} />
      </div>
      <div className="relative z-10 col-span-2 flex shrink-0 items-center gap-1 md:col-span-1">
        <LaunchDialog task={task}>
          {(props) => (
            <button {...props} aria-label={`Launch ${task.name}`}>
              <Play aria-hidden className="size-3" /> Launch
            </button>
          )}
        </LaunchDialog>
        <Duplicate task={task} taken={taken} />
        <ExportTasks ids={[task.id]} name={task.name}>
          {(props) => (
            <IconButton label={`Export ${task.name}`} {...props}>
              <Download aria-hidden className="size-3.5" />
            </IconButton>
          )}
        </ExportTasks>
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
