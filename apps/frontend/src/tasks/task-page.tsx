import { type Task, TaskId } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, Download, History, Play, Trash2 } from "lucide-react";
import { useLayoutEffect } from "react";
import { useApi } from "../api/client.ts";
import { statusOf } from "../api/errors.ts";
import { NotFound } from "../app/not-found.tsx";
import { Button, buttonClasses } from "../ui/button.tsx";
import { useDraftForm } from "../ui/draft-form.ts";
import { Part } from "../ui/error-boundary.tsx";
import { LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page, Section } from "../ui/layout.tsx";
import { lazyPart } from "../ui/lazy-part.tsx";
import { LeaveGuard } from "../ui/leave-guard.tsx";
import { SaveBar } from "../ui/save-bar.tsx";
import { useToasts } from "../ui/toast.tsx";
import { CONFLICT_ID, ConflictNotice } from "./conflict-notice.tsx";
import { DeleteTask } from "./delete-task.tsx";
import { draftOf, emptyDraft, isChanged, TaskDraft, validateDraft } from "./draft.ts";
import { ExportTasks } from "./export-tasks.tsx";
import { invalidateTasks } from "./invalidate.ts";
import { SaveAsTask } from "./save-as-task.tsx";
import { TaskForm } from "./task-form.tsx";

const LaunchForm = lazyPart(() => import("../launch/launch-form.tsx").then(({ LaunchForm }) => LaunchForm));

const allTasks = (
  <Link to="/tasks" className="inline-flex items-center gap-1.5 rounded text-xs font-medium text-ink-soft hover:text-ink">
    <ArrowLeft aria-hidden className="size-3.5" /> All tasks
  </Link>
);

/** Others may change it. */
const LOOK_EVERY_MS = 5000;

const taskDraftKey = (id: string): string => `ccr.draft.task.${id}`;

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
        form.settle(draftOf(task), taskDraftKey(task.id));
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: task.id }), task);
        await invalidateTasks({ trpc, queries });
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
      <LeaveGuard isDirty={form.isDirty} onDiscard={form.discard} />
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

/** The form may be longer than the window. */
const revealConflict = (): void => document.getElementById(CONFLICT_ID)?.scrollIntoView({ block: "center" });

/** Saves, restores and forgets the draft of a task, and knows whether somebody else saved it meanwhile. */
const useTaskForm = (task: Task) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const form = useDraftForm({ ...draftParts, storedAs: taskDraftKey(task.id), saved: draftOf(task) });
  const update = useMutation(
    trpc.tasks.update.mutationOptions({
      onSuccess: (next) => {
        queries.setQueryData(trpc.tasks.byId.queryKey({ id: next.id }), next);
        form.settle(draftOf(next));
        void queries.invalidateQueries({ queryKey: trpc.tasks.history.queryKey({ id: next.id }) });
        return invalidateTasks({ trpc, queries });
      },
      // What they saved is then shown beside one's own.
      onError: (error) =>
        statusOf(error) === 409 ? queries.invalidateQueries({ queryKey: trpc.tasks.byId.queryKey({ id: task.id }) }) : undefined,
    }),
  );
  const saveOver = async (expectedVersion: number): Promise<boolean> => {
    const input = form.check();
    if (input === null) return false;
    return update.mutateAsync({ id: task.id, ...input, expectedVersion }).then(
      () => true,
      // The error stands above the button.
      () => false,
    );
  };
  return {
    ...form,
    update,
    save: async () => {
      if (!form.isOutdated) return saveOver(task.version);
      revealConflict();
      toasts.error(new Error("Somebody else saved this task. Choose which of both is to be kept."));
      return false;
    },
    saveMine: () => saveOver(task.version),
    discard: (): void => {
      form.discard();
      update.reset();
    },
  };
};

const EditTask = ({ task }: { task: Task }) => {
  const toasts = useToasts();
  const form = useTaskForm(task);
  const { changed, update } = form;
  const navigate = useNavigate();
  const toLaunch = useLocation({ select: ({ hash }) => hash === "launch" });
  useLayoutEffect(() => {
    if (!toLaunch) return;
    const panel = document.getElementById("launch");
    panel?.scrollIntoView();
    panel?.querySelector("input")?.focus({ preventScroll: true });
  }, [toLaunch]);
  const isRefused = form.isOutdated && statusOf(update.error) === 409;
  useLayoutEffect(() => {
    if (isRefused) revealConflict();
  }, [isRefused]);
  const mine = form.isOutdated ? validateDraft(form.shown) : null;
  // Of a draft that began from a version that is not the newest, saving is a choice of its own.
  const conflict = form.isOutdated && (
    <ConflictNotice
      task={task}
      mine={mine?.ok === true ? mine.input : null}
      busy={update.isPending}
      onSaveMine={async () => {
        if (await form.saveMine()) toasts.ok("Saved. The version before is in the history.");
      }}
      onTakeTheirs={form.discard}
    />
  );
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
            <Play aria-hidden className="size-3.5" /> Runs of this task
          </Link>
          <Link to="/tasks/$taskId/history" params={{ taskId: task.id }} className={buttonClasses("secondary")}>
            <History aria-hidden className="size-3.5" /> Version {task.version}
          </Link>
          <ExportTasks ids={[task.id]} name={task.name}>
            {(props) => (
              <Button {...props}>
                <Download aria-hidden className="size-3.5" /> Export
              </Button>
            )}
          </ExportTasks>
          <DeleteTask
            task={task}
            trigger={(busy) => (
              <Button tone="danger" busy={busy}>
                <Trash2 aria-hidden className="size-3.5" /> Delete
              </Button>
            )}
            onBegun={() => {
              // What was typed stays kept until the task is gone.
              form.letLeave();
              void navigate({ to: "/tasks" });
            }}
            onDeleted={form.forget}
          />
        </>
      }
    >
      <LeaveGuard isDirty={form.isDirty} onDiscard={form.discard} />
      <div className="grid gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <TaskForm
          draft={form.shown}
          problems={form.problems}
          onChange={form.change}
          onSubmit={async () => {
            if (await form.save()) toasts.ok("Saved.");
          }}
          footer={
            <>
              {conflict}
              <SaveBar
                busy={update.isPending}
                disabled={!changed}
                label="Save"
                changed={changed}
                onDiscard={form.discard}
                error={isRefused ? null : update.error}
              />
            </>
          }
        />
        <aside className="lg:sticky lg:top-0 lg:max-h-[calc(100vh-2rem)] lg:self-start lg:overflow-y-auto">
          <Section heading="Launch" id="launch">
            <Card className="p-4">
              <Part name="launch" loading={<Skeleton rows={6} />}>
                <LaunchForm
                  task={task}
                  beforeLaunch={changed ? form.save : undefined}
                  label={changed ? "Save and launch" : "Launch"}
                />
              </Part>
            </Card>
          </Section>
        </aside>
      </div>
    </Page>
  );
};

const LoadedTask = ({ id }: { id: TaskId }) => {
  const { trpc } = useApi();
  const task = useQuery(trpc.tasks.byId.queryOptions({ id }, { refetchInterval: LOOK_EVERY_MS }));
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
