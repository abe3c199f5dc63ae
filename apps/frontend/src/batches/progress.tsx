import { type BatchView, isFinal, RUN_OUTCOMES, type RunOutcomeName, type RunStatus } from "@ccr/protocol";
import { CircleCheck, CircleStop, LoaderCircle, type LucideIcon, Pause } from "lucide-react";
import { classes } from "../ui/classes.ts";

type Share = { key: string; count: number; tone: string };

const STATUS_TONES: Record<RunStatus, string> = {
  succeeded: "bg-ok",
  failed: "bg-bad",
  errored: "bg-warn",
  canceled: "bg-ink-faint",
  canceling: "bg-ink-faint",
  waiting: "bg-warn",
  running: "bg-accent animate-pulse-dot",
  starting: "bg-accent animate-pulse-dot",
  queued: "bg-transparent",
};
const ORDER: readonly RunStatus[] = [
  ...(["succeeded", "failed", "errored", "canceled", "canceling", "waiting", "running", "starting", "queued"] as const),
];

/** How far a batch is, as a bar: what ended in which way, then what goes on; what waits is left empty. */
export const ProgressBar = ({ batch, className }: { batch: BatchView; className?: string }) => {
  const { progress, counts } = batch;
  const shares: Share[] = [
    ...(counts.removed > 0 ? [{ key: "removed", count: counts.removed, tone: "bg-line-strong" }] : []),
    ...ORDER.flatMap((status) => {
      const count = counts.statuses[status] ?? 0;
      return count === 0 ? [] : [{ key: status, count, tone: STATUS_TONES[status] }];
    }),
  ];
  return (
    <div
      role="progressbar"
      aria-label="Runs that have ended"
      aria-valuemin={0}
      aria-valuemax={progress.total}
      aria-valuenow={progress.done}
      aria-valuetext={`${progress.done} of ${progress.total}`}
      className={classes("flex h-2 gap-px overflow-hidden rounded-full bg-hover", className)}
    >
      {shares.map(({ key, count, tone }) => (
        <div key={key} className={classes("h-full min-w-0.5", tone)} style={{ flexGrow: count, flexBasis: 0 }} />
      ))}
    </div>
  );
};

/** How many came out in which way, and how many have not ended, in the order of the closed list. Pure. */
export const outcomeCounts = ({ counts }: BatchView): { name: RunOutcomeName | "open"; label: string; count: number }[] => {
  const ended = Object.entries(RUN_OUTCOMES).flatMap(([name, { title }]) => {
    const [known, count] = [isName(name) ? name : null, isName(name) ? (counts.outcomes[name] ?? 0) : 0];
    return known === null || count === 0 ? [] : [{ name: known, label: title, count }];
  });
  const open = Object.entries(counts.statuses).reduce((sum, [status, count]) => (isEnded(status) ? sum : sum + count), 0);
  return [...ended, ...(open === 0 ? [] : [{ name: "open" as const, label: "Not ended", count: open }])];
};

const isName = (name: string): name is RunOutcomeName => Object.hasOwn(RUN_OUTCOMES, name);
const isEnded = (status: string): boolean => ORDER.some((known) => known === status && isFinal(known));

type StateLook = { label: string; icon: LucideIcon; tone: string; spin?: true };

/** What people want of a batch, and whether it has ended. Pure. */
export const stateLook = ({ state, endedAt }: Pick<BatchView, "state" | "endedAt">): StateLook => {
  if (state === "canceled")
    return endedAt === null
      ? { label: "Canceling", icon: LoaderCircle, tone: "bg-hover text-ink-soft", spin: true }
      : { label: "Canceled", icon: CircleStop, tone: "bg-hover text-ink-soft" };
  if (endedAt !== null) return { label: "Ended", icon: CircleCheck, tone: "bg-hover text-ink-soft" };
  return state === "paused"
    ? { label: "Paused", icon: Pause, tone: "bg-warn-soft text-warn" }
    : { label: "Running", icon: LoaderCircle, tone: "bg-accent-soft text-accent", spin: true };
};

export const StateBadge = ({ batch }: { batch: BatchView }) => {
  const { label, icon: Icon, tone, spin } = stateLook(batch);
  return (
    <span className={classes("inline-flex min-h-6 gap-1.5 rounded-xl px-2 py-0.75 text-xs font-medium", tone)}>
      <Icon aria-hidden className={classes("mt-0.5 size-3.5 shrink-0", spin === true && "animate-spin")} />
      {label}
    </span>
  );
};
