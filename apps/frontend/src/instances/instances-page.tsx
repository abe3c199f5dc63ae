import type { INSTANCE_STATUSES, Instance, RunId } from "@ccr/protocol";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Box, Trash2 } from "lucide-react";
import { useApi } from "../api/client.ts";
import { buttonClasses, IconButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Confirm } from "../ui/confirm.tsx";
import { EmptyState, LoadError, Skeleton } from "../ui/feedback.tsx";
import { Card, Page } from "../ui/layout.tsx";
import { Elapsed } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";

const TONES: Record<(typeof INSTANCE_STATUSES)[number], string> = {
  starting: "bg-accent-soft text-accent",
  idle: "bg-hover text-ink-soft",
  // As a run that is running.
  executing: "bg-accent-soft text-accent",
  stopped: "bg-hover text-ink-faint",
};

const COLUMNS = "md:grid-cols-[7rem_minmax(0,1fr)_8rem_7rem_2rem]";

/** The run that an instance belongs to, by the name of its task. */
const RunOfInstance = ({ runId }: { runId: RunId }) => {
  const { trpc } = useApi();
  // What is shown of it never changes.
  const run = useQuery(trpc.runs.byId.queryOptions({ id: runId }, { staleTime: Number.POSITIVE_INFINITY }));
  return (
    <Link
      to="/runs/$runId"
      params={{ runId }}
      className="block truncate rounded font-medium hover:underline"
      title={run.data?.taskName}
    >
      {run.data?.taskName ?? <span className="code">{runId}</span>}
    </Link>
  );
};

const InstanceRow = ({ instance }: { instance: Instance }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const remove = useMutation(
    trpc.instances.remove.mutationOptions({
      onSuccess: () => toasts.ok("The sandbox is being removed."),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.instances.list.queryKey() }),
    }),
  );
  const { id, status, driver, runId, createdAt, stoppedAt } = instance;
  return (
    <li className={classes("grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-3", COLUMNS)}>
      <span
        className={classes(
          "inline-flex h-6 items-center justify-self-start rounded-full px-2.5 text-xs font-medium capitalize",
          TONES[status],
        )}
      >
        {status}
      </span>
      <div className="order-3 col-span-2 min-w-0 md:order-none md:col-span-1">
        <RunOfInstance runId={runId} />
        <code className="code block truncate text-xs text-ink-faint" title={id}>
          {id}
        </code>
      </div>
      <span className="order-4 text-xs text-ink-soft md:order-none">{driver}</span>
      <span className="order-5 nums text-xs text-ink-faint md:order-none md:text-right">
        <span className="sr-only">Age </span>
        <Elapsed from={createdAt} to={stoppedAt} />
      </span>
      <div className="order-2 justify-self-end md:order-none">
        <Confirm
          title="Remove this sandbox?"
          action="Remove"
          onConfirm={() => remove.mutate({ id })}
          trigger={
            <IconButton label={`Remove ${id}`} busy={remove.isPending} disabled={status === "stopped"}>
              <Trash2 aria-hidden className="size-3.5" />
            </IconButton>
          }
        >
          The run that uses it is canceled first; what it has done so far is saved.
        </Confirm>
      </div>
    </li>
  );
};

/** The sandboxes that there are. */
export const InstancesPage = () => {
  const { trpc } = useApi();
  const instances = useQuery(
    trpc.instances.list.queryOptions(undefined, {
      refetchInterval: ({ state }) => ((state.data ?? []).length > 0 ? 2000 : 10_000),
    }),
  );
  const list = [...(instances.data ?? [])].sort(
    (a, b) => Number(a.status === "stopped") - Number(b.status === "stopped") || b.createdAt.localeCompare(a.createdAt),
  );
  return (
    <Page
      title="Instances"
      heading="Instances"
      intro="The sandboxes in which runs work. Each belongs to one run and is removed when the run has ended."
    >
      <Card className="overflow-hidden">
        {instances.data === undefined ? (
          instances.error === null ? (
            <Skeleton />
          ) : (
            <LoadError error={instances.error} onRetry={() => instances.refetch()} />
          )
        ) : list.length === 0 ? (
          <EmptyState
            icon={Box}
            title="No sandbox is open"
            action={
              <Link to="/" className={buttonClasses("secondary")}>
                Launch a task
              </Link>
            }
          >
            One is opened when a run starts.
          </EmptyState>
        ) : (
          <>
            <div
              aria-hidden
              className={classes("hidden gap-4 border-b border-line bg-sunken px-4 py-2 text-xs text-ink-faint md:grid", COLUMNS)}
            >
              <span>Status</span>
              <span>Run and instance</span>
              <span>Driver</span>
              <span className="text-right">Age</span>
            </div>
            <ul className="divide-y divide-line">
              {list.map((instance) => (
                <InstanceRow key={instance.id} instance={instance} />
              ))}
            </ul>
          </>
        )}
      </Card>
    </Page>
  );
};
