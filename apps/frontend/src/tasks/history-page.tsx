import { contentOf, type Task, TaskId, type TaskVersionEntry } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ArrowLeft, History, RotateCcw } from "lucide-react";
import { useState } from "react";
import { useApi } from "../api/client.ts";
import { describeError, statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { Button, buttonClasses } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Confirm } from "../ui/confirm.tsx";
import { EmptyState, LoadError, Notice, Skeleton } from "../ui/feedback.tsx";
import { Select } from "../ui/field.tsx";
import { formatMoment } from "../ui/format.ts";
import { Card, Page, Section } from "../ui/layout.tsx";
import { Ago } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";
import { invalidateTasks } from "./invalidate.ts";
import { TaskDiff } from "./task-diff.tsx";
import { describeChanged } from "./task-text.ts";

const Versions = ({ task, entries, shown }: { task: Task; entries: readonly TaskVersionEntry[]; shown: number }) => (
  <ol aria-label="Versions, the newest first" className="divide-y divide-line">
    {entries.map(({ version, savedAt, changed }) => (
      <li key={version}>
        <Link
          to="/tasks/$taskId/history"
          params={{ taskId: task.id }}
          search={{ version }}
          aria-current={version === shown ? "true" : undefined}
          className={classes(
            "inset-ring-focus flex flex-col gap-0.5 px-4 py-2.5 transition-colors hover:bg-hover",
            version === shown && "bg-accent-soft",
          )}
        >
          <span className="flex items-baseline justify-between gap-3">
            <span className="font-medium">
              Version {version}
              {version === task.version && <span className="font-normal text-ink-soft"> – as it is now</span>}
            </span>
            <Ago at={savedAt} className="text-xs whitespace-nowrap text-ink-soft" />
          </span>
          <span className="text-xs text-ink-soft">
            {changed === null
              ? version === 1
                ? "As it was made"
                : "The version before is not kept any more"
              : `Changed: ${describeChanged(changed)}`}
          </span>
        </Link>
      </li>
    ))}
  </ol>
);

const Restore = ({ task, version }: { task: Task; version: number }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const navigate = useNavigate();
  const restore = useMutation(
    trpc.tasks.restore.mutationOptions({
      onSuccess: async (next) => {
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: task.id }), next);
        await Promise.all([
          queries.invalidateQueries({ queryKey: trpc.tasks.history.queryKey({ id: task.id }) }),
          invalidateTasks({ trpc, queries }),
        ]);
        toasts.ok(
          next.version === task.version
            ? `It is as version ${version} was already.`
            : `Version ${version} is restored, as version ${next.version}.`,
        );
        await navigate({ to: "/tasks/$taskId/history", params: { taskId: task.id }, search: { version: next.version } });
      },
      onError: async (error) => {
        toasts.error(error);
        await queries.invalidateQueries({ queryKey: trpc.tasks.byId.queryKey({ id: task.id }) });
      },
    }),
  );
  return (
    <Confirm
      title={`Restore version ${version}?`}
      action="Restore"
      tone="primary"
      onConfirm={() => restore.mutate({ id: task.id, version, expectedVersion: task.version })}
      trigger={
        <Button size="sm" busy={restore.isPending}>
          <RotateCcw aria-hidden className="size-3.5" /> Restore this version
        </Button>
      }
    >
      It becomes version {task.version + 1}. Version {task.version} stays in the history.
    </Confirm>
  );
};

const Shown = ({ task, entries, shown }: { task: Task; entries: readonly TaskVersionEntry[]; shown: number }) => {
  const { trpc } = useApi();
  const [to, setTo] = useState<"before" | "now">("before");
  const entry = entries.find(({ version }) => version === shown);
  const before = entries.find(({ version }) => version < shown)?.version;
  const isNow = shown === task.version;
  const against = to === "now" && !isNow ? null : before;
  const one = useQuery(trpc.tasks.version.queryOptions({ id: task.id, version: shown }, { staleTime: Number.POSITIVE_INFINITY }));
  const other = useQuery(
    trpc.tasks.version.queryOptions(
      { id: task.id, version: against ?? shown },
      { staleTime: Number.POSITIVE_INFINITY, enabled: against != null },
    ),
  );
  if (entry === undefined)
    return (
      <EmptyState
        icon={History}
        title={`Version ${shown} is not kept any more`}
        action={
          <Link to="/tasks/$taskId/history" params={{ taskId: task.id }} className={buttonClasses("secondary")}>
            Show the newest
          </Link>
        }
      >
        The last 100 versions of a task are kept, fewer of very long ones. A run keeps its own copy of the steps.
      </EmptyState>
    );
  const error = one.error ?? other.error;
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="text-ink-soft">Saved {formatMoment(entry.savedAt)}</p>
        <div className="flex flex-wrap items-center gap-2">
          {!isNow && (
            <Select
              aria-label="Compared with"
              className="sm:w-52"
              value={to}
              onChange={({ target }) => setTo(target.value === "now" ? "now" : "before")}
            >
              <option value="before">Against the one before</option>
              <option value="now">Against the task now</option>
            </Select>
          )}
          {!isNow && <Restore task={task} version={shown} />}
        </div>
      </div>
      {error !== null ? (
        <Notice tone="bad">{describeError(error)}</Notice>
      ) : one.data === undefined || (against != null && other.data === undefined) ? (
        <Skeleton className="p-0" />
      ) : against === null ? (
        <TaskDiff before={one.data.content} after={contentOf(task)} same="The task is as this version was." />
      ) : other.data === undefined ? (
        <TaskDiff before={{ ...one.data.content, name: "", steps: [] }} after={one.data.content} same="" />
      ) : (
        <TaskDiff before={other.data.content} after={one.data.content} same="Nothing was changed." />
      )}
    </div>
  );
};

/** Others may save it. */
const LOOK_EVERY_MS = 5000;

const TaskHistory = ({ task }: { task: Task }) => {
  const { trpc } = useApi();
  const search = useSearch({ from: "/tasks/$taskId/history" });
  const history = useQuery(trpc.tasks.history.queryOptions({ id: task.id }, { refetchInterval: LOOK_EVERY_MS }));
  const shown = search.version ?? task.version;
  return (
    <Page
      title={`Versions of ${task.name}`}
      heading={`Versions of “${task.name}”`}
      intro="Each save keeps the version before. A run says from which one it was launched."
      width="max-w-6xl"
      back={
        <Link
          to="/tasks/$taskId"
          params={{ taskId: task.id }}
          className="inline-flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink"
        >
          <ArrowLeft aria-hidden className="size-3.5" /> Back to the task
        </Link>
      }
    >
      {history.data === undefined ? (
        history.error === null ? (
          <Skeleton />
        ) : (
          <LoadError error={history.error} onRetry={() => history.refetch()} />
        )
      ) : (
        <div className="grid gap-6 lg:grid-cols-[20rem_minmax(0,1fr)]">
          <Card className="max-h-[70vh] self-start overflow-y-auto">
            <Versions task={task} entries={history.data} shown={shown} />
          </Card>
          <Section heading={`Version ${shown}`}>
            <Shown key={shown} task={task} entries={history.data} shown={shown} />
          </Section>
        </div>
      )}
    </Page>
  );
};

/** What a task was before, in what that differs, and the way back to it. */
export const TaskHistoryPage = () => {
  const { trpc } = useApi();
  const { taskId } = useParams({ from: "/tasks/$taskId/history" });
  const id = TaskId.safeParse(taskId);
  const task = useQuery({
    ...trpc.tasks.byId.queryOptions({ id: id.data ?? TaskId.parse("task_0000000000") }),
    refetchInterval: LOOK_EVERY_MS,
    enabled: id.success,
  });
  if (task.data !== undefined) return <TaskHistory task={task.data} />;
  if (!id.success || statusOf(task.error) === 404) return <NotFound what="task" to="/tasks" label="See all tasks" />;
  if (task.error !== null) return <LoadError error={task.error} onRetry={() => task.refetch()} />;
  return <Skeleton className="mx-auto max-w-5xl p-8" />;
};
