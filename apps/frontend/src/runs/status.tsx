import { isFinal, type Run, type RunStatus } from "@ccr/protocol";
import { Ban, CircleCheck, CircleDashed, CircleHelp, CircleX, LoaderCircle, type LucideIcon, OctagonAlert } from "lucide-react";
import { classes } from "../ui/classes.ts";

type Look = { label: string; icon: LucideIcon; tone: string; spin?: boolean; mark: string };

export const STATUS_LOOKS: Record<RunStatus, Look> = {
  queued: { label: "Queued", icon: CircleDashed, tone: "bg-hover text-ink-soft", mark: "…" },
  starting: { label: "Starting", icon: LoaderCircle, tone: "bg-accent-soft text-accent", spin: true, mark: "▸" },
  running: { label: "Running", icon: LoaderCircle, tone: "bg-accent-soft text-accent", spin: true, mark: "▸" },
  waiting: { label: "Waiting for you", icon: CircleHelp, tone: "bg-warn-soft text-warn", mark: "?" },
  canceling: { label: "Canceling", icon: LoaderCircle, tone: "bg-hover text-ink-soft", spin: true, mark: "◼" },
  succeeded: { label: "Succeeded", icon: CircleCheck, tone: "bg-ok-soft text-ok", mark: "✓" },
  failed: { label: "Failed", icon: CircleX, tone: "bg-bad-soft text-bad", mark: "✗" },
  errored: { label: "Errored", icon: OctagonAlert, tone: "bg-warn-soft text-warn", mark: "!" },
  canceled: { label: "Canceled", icon: Ban, tone: "bg-hover text-ink-soft", mark: "◼" },
};

/** A run's status, by colour, icon and word. */
export const StatusBadge = ({ status }: { status: RunStatus }) => {
  const { label, icon: Icon, tone, spin } = STATUS_LOOKS[status];
  return (
    <span
      className={classes("inline-flex h-6 items-center gap-1.5 rounded-full px-2 text-xs font-medium whitespace-nowrap", tone)}
    >
      <Icon aria-hidden className={classes("size-3.5 shrink-0", spin === true && "animate-spin")} />
      {label}
    </span>
  );
};

/** When a run began to cost time: its start, or before that the moment it was asked for. */
export const startOf = (run: Pick<Run, "startedAt" | "createdAt">): string => run.startedAt ?? run.createdAt;

/** Whether any of these runs may still change. */
export const anyUnfinished = (runs: readonly Pick<Run, "status">[]): boolean => runs.some(({ status }) => !isFinal(status));
