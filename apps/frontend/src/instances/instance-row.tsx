import type { INSTANCE_STATUSES, InstanceView } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useApi } from "../api/client.ts";
import { usePending } from "../api/use-pending.ts";
import { IconButton } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Confirm } from "../ui/confirm.tsx";
import { Ago, Elapsed } from "../ui/time.tsx";
import { useToasts } from "../ui/toast.tsx";
import { type Looks, metersOf } from "./usage.ts";
import { removalOf, workOf } from "./words.ts";

type ShownStatus = (typeof INSTANCE_STATUSES)[number] | "removing";

const TONES: Record<ShownStatus, string> = {
  starting: "bg-accent-soft text-accent",
  idle: "bg-hover text-ink-soft",
  // As a run that is running.
  executing: "bg-accent-soft text-accent",
  stopped: "bg-hover text-ink-soft",
  removing: "bg-warn-soft text-warn",
};

const StatusPill = ({ status }: { status: ShownStatus }) => (
  <span
    className={classes("inline-flex h-6 shrink-0 items-center rounded-full px-2.5 text-xs font-medium capitalize", TONES[status])}
  >
    {status}
  </span>
);

const RunLink = ({ instance: { runId, run } }: { instance: InstanceView }) => (
  <Link to="/runs/$runId" params={{ runId }} className="block truncate rounded font-medium hover:underline" title={run?.taskName}>
    {run?.taskName ?? <span className="code">{runId}</span>}
  </Link>
);

/** More than this of a limit is worth a look. */
const NEAR = 0.9;

/** What a sandbox uses of what it may. */
const Usage = ({ instance: { id, status, run }, looks }: { instance: InstanceView; looks: Looks }) => {
  const look = looks.get(id);
  if (look === undefined || run === null)
    return (
      <p className="text-xs text-ink-faint">
        {status === "starting" ? "It is just being made." : "What it uses cannot be told from here."}
      </p>
    );
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-2.5 sm:grid-cols-4">
      {metersOf({ usage: look.now, before: look.before }, run.limits).map(({ name, text, limit, share }) => (
        <div key={name} className="flex min-w-0 flex-col gap-1">
          <dt className="text-2xs text-ink-faint">{name}</dt>
          <dd className="nums text-xs whitespace-nowrap">
            {text} <span className="text-ink-faint">{limit}</span>
          </dd>
          <dd aria-hidden className="h-1 overflow-hidden rounded-full bg-hover">
            <div
              className={classes("h-full rounded-full", share !== null && share > NEAR ? "bg-warn" : "bg-accent")}
              style={{ width: `${(share ?? 0) * 100}%` }}
            />
          </dd>
        </div>
      ))}
    </dl>
  );
};

const Remove = ({ instance: { id, run } }: { instance: InstanceView }) => {
  const { trpc, queries } = useApi();
  const toasts = useToasts();
  const remove = useMutation(
    trpc.instances.remove.mutationOptions({
      onSuccess: () => toasts.ok("The sandbox was removed. What its run had done is saved with the run."),
      onError: toasts.error,
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.instances.list.queryKey() }),
    }),
  );
  return (
    <Confirm
      title="Remove this sandbox?"
      action={run === null ? "Remove" : "Cancel the run and remove it"}
      onConfirm={() => remove.mutate({ id })}
      trigger={
        <IconButton label={`Remove ${id}`} busy={remove.isPending}>
          {!remove.isPending && <Trash2 aria-hidden className="size-3.5" />}
        </IconButton>
      }
    >
      {removalOf(run)}
    </Confirm>
  );
};

/** A sandbox that is there, with what it uses; while it is being removed it looks as if it went. */
export const LivingRow = ({ instance, looks }: { instance: InstanceView; looks: Looks }) => {
  const { trpc } = useApi();
  const isGoing = usePending(trpc.instances.remove.mutationKey()).includes(instance.id);
  return (
    <li className="flex flex-col gap-3 px-4 py-3.5" aria-busy={isGoing || undefined}>
      <div className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1.5 md:grid-cols-[auto_minmax(0,1fr)_auto_auto]">
        <StatusPill status={isGoing ? "removing" : instance.status} />
        <div className="col-span-3 row-start-2 min-w-0 md:col-span-1 md:row-start-auto">
          <RunLink instance={instance} />
          <p className="text-xs text-ink-faint">
            {workOf(instance)} · {instance.driver} · <span className="sr-only">age </span>
            <Elapsed from={instance.createdAt} to={null} className="nums" />
          </p>
        </div>
        <code className="code hidden text-xs text-ink-faint md:block">{instance.id}</code>
        <div className="col-start-3 row-start-1 md:col-start-auto md:row-start-auto">
          <Remove instance={instance} />
        </div>
      </div>
      {isGoing ? (
        <p className="text-xs text-ink-faint">What its run has done is being saved.</p>
      ) : (
        <Usage instance={instance} looks={looks} />
      )}
    </li>
  );
};

export const STOPPED_COLUMNS = "md:grid-cols-[minmax(0,1fr)_13rem_7rem_7rem_6rem]";

/** The record of a sandbox that is gone. */
export const StoppedRow = ({ instance }: { instance: InstanceView }) => (
  <li className={classes("grid grid-cols-[minmax(0,1fr)_auto] items-baseline gap-x-4 gap-y-0.5 px-4 py-2.5", STOPPED_COLUMNS)}>
    <div className="min-w-0">
      <RunLink instance={instance} />
      <code className="code block truncate text-xs text-ink-faint">{instance.id}</code>
    </div>
    <span className="order-3 text-xs text-ink-soft md:order-none">{workOf(instance)}</span>
    <span className="order-4 text-right text-xs text-ink-soft md:order-none md:text-left">{instance.driver}</span>
    <span className="nums order-5 text-xs text-ink-faint md:order-none md:text-right">
      <span className="sr-only">Lasted </span>
      <Elapsed from={instance.createdAt} to={instance.stoppedAt} />
    </span>
    <span className="nums text-right text-xs text-ink-faint">
      <span className="sr-only">Stopped </span>
      <Ago at={instance.stoppedAt ?? instance.createdAt} />
    </span>
  </li>
);
