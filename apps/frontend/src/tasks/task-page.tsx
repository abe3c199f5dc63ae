import { type Task, TaskId } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, History, Trash2, TriangleAlert } from "lucide-react";
import { useLayoutEffect } from "react";
import { useApi } from "../api/client.ts";
import { statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { LaunchForm } from "../launch/launch-form.tsx";
import { Button, buttonClasses } from "../ui/button.tsx";
import { useDraftForm } from "../ui/draft-form.ts";
import { LoadError, Notice, Skeleton } from "../ui/feedback.tsx";
import { Card, Page, Section } from "../ui/layout.tsx";
import { SaveBar } from "../ui/save-bar.tsx";
import { useToasts } from "../ui/toast.tsx";
import { DeleteTask } from "./delete-task.tsx";
import { draftOf, emptyDraft, isChanged, TaskDraft, validateDraft } from "./draft.ts";
import { SaveAsTask } from "./save-as-task.tsx";
import { TaskForm } from "./task-form.tsx";

const allTasks = (
  <Link to="/tasks" className="inline-flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
    <ArrowLeft aria-hidden className="size-3.5" /> All tasks
  </Link>
);

const draftParts = { schema: TaskDraft, isChanged, validate: validateDraft };

/** Where a new task is written. */
export const NewTaskPage = () => {
  const { trpc, queries } = useApi();
  const navigate = useNavigate();
  const toasts = useToasts();
  const form = useDraftForm({ ...draftParts, storedAs: "ccr.draft.task.new", saved: emptyDraft() });
  const create = useMutation(
    trpc.tasks.create.mutationOptions({
      onSuccess: async (task) => {
        form.forget();
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: task.id }), task);
        await queries.invalidateQueries({ queryKey: trpc.tasks.list.queryKey() });
        toasts.ok("Saved. Now launch it against a repository.");
        await navigate({ to: "/tasks/$taskId", params: { taskId: task.id } });
      },
    }),
  );
  const submit = (): void => {
    const input = form.check();
    if (input !== null) create.mutate(input);
  };
  return (
    <Page
      title="New task"
      heading="New task"
      intro="Say what is to be done, and how you will know that it was."
      back={allTasks}
      width="max-w-3xl"
    >
      <TaskForm
        draft={form.shown}
        problems={form.problems}
        onChange={form.change}
        onSubmit={submit}
        footer={
          <SaveBar
            busy={create.isPending}
            label="Create the task"
            changed={form.changed}
            onDiscard={form.discard}
            error={create.error}
          />
        }
      />
    </Page>
  );
};

const EditTask = ({ task }: { task: Task }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const form = useDraftForm({ ...draftParts, storedAs: `ccr.draft.task.${task.id}`, saved: draftOf(task) });
  const { changed } = form;
  const update = useMutation(
    trpc.tasks.update.mutationOptions({
      onSuccess: (next) => {
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: next.id }), next);
        form.forget();
        return queries.invalidateQueries({ queryKey: trpc.tasks.list.queryKey() });
      },
    }),
  );
  const save = async (): Promise<boolean> => {
    const input = form.check();
    if (input === null) return false;
    return update.mutateAsync({ id: task.id, ...input }).then(
      () => true,
      // The error stands above the button.
      () => false,
    );
  };
  const navigate = useNavigate();
  const toLaunch = useLocation({ select: ({ hash }) => hash === "launch" });
  useLayoutEffect(() => {
    if (!toLaunch) return;
    const panel = document.getElementById("launch");
    panel?.scrollIntoView();
    panel?.querySelector("input")?.focus({ preventScroll: true });
  }, [toLaunch]);
  const discard = (): void => {
    form.discard();
    update.reset();
  };
  return (
    <Page
      title={task.name}
      heading={task.name}
      width="max-w-6xl"
      back={allTasks}
      actions={
        <>
          <SaveAsTask task={task} size="md" />
          <Link to="/runs" search={{ task: task.id }} className={buttonClasses("secondary")}>
            <History aria-hidden className="size-3.5" /> Runs of this task
          </Link>
          <DeleteTask
            task={task}
            trigger={(busy) => (
              <Button tone="danger" busy={busy}>
                <Trash2 aria-hidden className="size-3.5" /> Delete
              </Button>
            )}
            onDeleted={() => {
              form.forget();
              void navigate({ to: "/tasks" });
            }}
          />
        </>
      }
    >
      <div className="grid gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <TaskForm
          draft={form.shown}
          problems={form.problems}
          onChange={form.change}
          onSubmit={async () => {
            if (await save()) toasts.ok("Saved.");
          }}
          notice={
            form.isOutdated && (
              <Notice tone="warn" icon={TriangleAlert}>
                <p>
                  This task was changed elsewhere since you began. Saving puts your version in its place; “Discard changes” shows
                  the other one.
                </p>
              </Notice>
            )
          }
          footer={
            <SaveBar
              busy={update.isPending}
              disabled={!changed}
              label="Save"
              changed={changed}
              onDiscard={discard}
              error={update.error}
            />
          }
        />
        <aside className="lg:sticky lg:top-0 lg:self-start">
          <Section heading="Launch" id="launch">
            <Card className="p-4">
              <LaunchForm task={task} beforeLaunch={changed ? save : undefined} label={changed ? "Save and launch" : "Launch"} />
            </Card>
          </Section>
        </aside>
      </div>
    </Page>
  );
};

const LoadedTask = ({ id }: { id: TaskId }) => {
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id }));
  if (task.data !== undefined) return <EditTask key={task.data.id} task={task.data} />;
  if (statusOf(task.error) === 404) return <NotFound what="task" to="/tasks" label="See all tasks" />;
  if (task.error !== null) return <LoadError error={task.error} onRetry={() => task.refetch()} />;
  return <Skeleton className="mx-auto max-w-5xl p-8" />;
};

/** Where a task is changed and launched. */
export const TaskPage = () => {
  const { taskId } = useParams({ from: "/tasks/$taskId" });
  const id = TaskId.safeParse(taskId);
  return id.success ? <LoadedTask id={id.data} /> : <NotFound what="task" to="/tasks" label="See all tasks" />;
};
