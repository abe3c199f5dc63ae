import { isFinal, type RUN_OUTCOMES, type Run, type RunOutcomeName, type RunStatus, type RunView } from "@ccr/protocol";
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleSlash,
  CircleX,
  CloudOff,
  Gauge,
  GitBranch,
  LoaderCircle,
  type LucideIcon,
  MessageCircleQuestion,
  ServerCrash,
  ShieldX,
  Unplug,
} from "lucide-react";
import { classes } from "../ui/classes.ts";

type Look = { label: string; icon: LucideIcon; tone: string; spin?: boolean; mark: string };

/** `label` and `icon` are those of runs that have no outcome yet. */
const STATUS_LOOKS: Record<RunStatus, Look> = {
  queued: { label: "Queued", icon: CircleDashed, tone: "bg-hover text-ink-soft", mark: "…" },
  starting: { label: "Starting", icon: LoaderCircle, tone: "bg-accent-soft text-accent", spin: true, mark: "▸" },
  running: { label: "Running", icon: LoaderCircle, tone: "bg-accent-soft text-accent", spin: true, mark: "▸" },
  waiting: { label: "Waiting", icon: CircleDashed, tone: "bg-warn-soft text-warn", mark: "?" },
  canceling: { label: "Canceling", icon: LoaderCircle, tone: "bg-hover text-ink-soft", spin: true, mark: "◼" },
  succeeded: { label: "Ended", icon: CircleDashed, tone: "bg-ok-soft text-ok", mark: "✓" },
  failed: { label: "Ended", icon: CircleDashed, tone: "bg-bad-soft text-bad", mark: "✗" },
  errored: { label: "Ended", icon: CircleDashed, tone: "bg-warn-soft text-warn", mark: "!" },
  canceled: { label: "Ended", icon: CircleDashed, tone: "bg-hover text-ink-soft", mark: "◼" },
};

type OutcomeIcon = (typeof RUN_OUTCOMES)[RunOutcomeName]["icon"];

const OUTCOME_ICONS: Record<OutcomeIcon, LucideIcon> = {
  "circle-check": CircleCheck,
  "circle-dot": CircleDot,
  "circle-x": CircleX,
  "circle-slash": CircleSlash,
  "shield-x": ShieldX,
  gauge: Gauge,
  "message-circle-question": MessageCircleQuestion,
  ban: Ban,
  unplug: Unplug,
  "git-branch": GitBranch,
  "cloud-off": CloudOff,
  "server-crash": ServerCrash,
};
const outcomeIcons: ReadonlyMap<string, LucideIcon> = new Map(Object.entries(OUTCOME_ICONS));

/** How a run is shown: as its outcome once it has one, until then as its status. */
export const lookOf = ({ status, outcome }: Pick<RunView, "status" | "outcome">): Look => {
  const look = STATUS_LOOKS[status];
  if (outcome === null) return look;
  // A server that is newer than this page may know more icons.
  return { label: outcome.title, icon: outcomeIcons.get(outcome.icon) ?? look.icon, tone: look.tone, mark: look.mark };
};

/** How a run stands, by colour, icon and word. */
export const RunBadge = ({ run, className }: { run: Pick<RunView, "status" | "outcome">; className?: string }) => {
  const { label, icon: Icon, tone, spin } = lookOf(run);
  return (
    <span className={classes("inline-flex min-h-6 gap-1.5 rounded-xl px-2 py-0.75 text-xs font-medium", tone, className)}>
      <Icon aria-hidden className={classes("mt-0.5 size-3.5 shrink-0", spin === true && "animate-spin")} />
      {label}
    </span>
  );
};

/** When a run began to cost time: its start, or before that the moment it was asked for. */
export const startOf = (run: Pick<Run, "startedAt" | "createdAt">): string => run.startedAt ?? run.createdAt;

/** Whether any of these runs may still change. */
export const anyUnfinished = (runs: readonly Pick<Run, "status">[]): boolean => runs.some(({ status }) => !isFinal(status));
