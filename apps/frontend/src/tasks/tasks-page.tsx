import type { TaskOverview } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Download, FileUp, ListChecks, Plus, SearchX } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useApi } from "../api/client.ts";
import { usePending } from "../api/use-pending.ts";
import { anyUnfinished } from "../runs/status.tsx";
import { Button, buttonClasses } from "../ui/button.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Select, TextInput } from "../ui/field.tsx";
import { plural } from "../ui/format.ts";
import { Card, Page } from "../ui/layout.tsx";
import { ExportTasks } from "./export-tasks.tsx";
import { findTasks, ORDER_LABELS, TASK_ORDERS, type TasksSearch } from "./list.ts";
import { TaskRow } from "./task-row.tsx";

/** Hundreds of rows, each with its own buttons, are slow to draw; whoever looks for one of them searches. */
const SHOWN_AT_FIRST = 100;

const newTaskLink = (
  <Link to="/tasks/new" className={buttonClasses("primary")}>
    <Plus aria-hidden className="size-3.5" /> New task
  </Link>
);

const importLink = (
  <Link to="/tasks/import" className={buttonClasses("secondary")}>
    <FileUp aria-hidden className="size-3.5" /> Import
  </Link>
);

const Tools = ({ search, onChange }: { search: TasksSearch; onChange: (next: TasksSearch) => void }) => (
  <search className="flex flex-wrap gap-2">
    <TextInput
      type="search"
      aria-label="Search tasks"
      placeholder="Search by name or repository"
      className="sm:max-w-72"
      value={search.q ?? ""}
      onChange={({ target }) => onChange({ ...search, q: target.value })}
    />
    <Select
      aria-label="Order"
      className="sm:w-40"
      value={search.sort ?? "recent"}
      onChange={({ target }) => {
        const sort = TASK_ORDERS.find((order) => order === target.value) ?? "recent";
        onChange({ ...search, sort });
      }}
    >
      {TASK_ORDERS.map((order) => (
        <option key={order} value={order}>
          {ORDER_LABELS[order]}
        </option>
      ))}
    </Select>
  </search>
);

const TaskList = ({ tasks, search }: { tasks: readonly TaskOverview[]; search: TasksSearch }) => {
  const found = findTasks(tasks, useDeferredValue(search));
  const taken = new Set(tasks.map(({ name }) => name));
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  if (found.length === 0)
    return (
      <EmptyState
        icon={SearchX}
        title="No task has this name"
        action={
          <Link to="/tasks" className={buttonClasses("secondary")}>
            Show all {tasks.length}
          </Link>
        }
      >
        The search looks at names and usual repositories.
      </EmptyState>
    );
  return (
    <>
      <p className="sr-only" role="status">
        {plural(found.length, "task")}
      </p>
      <ul className="divide-y divide-line">
        {found.slice(0, shown).map((task) => (
          <TaskRow key={task.id} task={task} taken={taken} />
        ))}
      </ul>
      {found.length > shown && (
        <div className="flex justify-center border-t border-line p-3">
          <Button onClick={() => setShown(found.length)}>Show {plural(found.length - shown, "more task")}</Button>
        </div>
      )}
    </>
  );
};

/** Every task, with what came of it last. */
export const TasksPage = () => {
  const { trpc } = useApi();
  const search = useSearch({ from: "/tasks" });
  const navigate = useNavigate();
  const tasks = useQuery(
    trpc.tasks.overview.queryOptions(undefined, {
      refetchInterval: ({ state }) => (anyUnfinished((state.data ?? []).flatMap(({ lastRuns }) => lastRuns)) ? 3000 : 15_000),
    }),
  );
  const going = usePending(trpc.tasks.delete.mutationKey());
  const list = tasks.data?.filter(({ id }) => !going.includes(id));
  return (
    <Page
      title="Tasks"
      heading="Tasks"
      intro="A task is a list of steps that can be run against any repository."
      actions={
        <>
          {importLink}
          {list !== undefined && list.length > 0 && (
            <ExportTasks name="all">
              {(props) => (
                <Button {...props}>
                  <Download aria-hidden className="size-3.5" /> Export all
                </Button>
              )}
            </ExportTasks>
          )}
          {newTaskLink}
        </>
      }
    >
      {list !== undefined && list.length > 0 && (
        <Tools search={search} onChange={(next) => void navigate({ to: "/tasks", search: next, replace: true })} />
      )}
      <Card className="overflow-hidden">
        {list === undefined ? (
          tasks.error === null ? (
            <Skeleton />
          ) : (
            <LoadError error={tasks.error} onRetry={() => tasks.refetch()} />
          )
        ) : list.length === 0 ? (
          <EmptyState
            icon={ListChecks}
            title="No tasks yet"
            action={
              <>
                {newTaskLink}
                {importLink}
              </>
            }
          >
            Write what is to be done and how to check it; then launch it as often as you like.
          </EmptyState>
        ) : (
          <TaskList tasks={list} search={search} />
        )}
      </Card>
    </Page>
  );
};
