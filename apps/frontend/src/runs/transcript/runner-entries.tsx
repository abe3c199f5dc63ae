import { isFinal, type RunStatus } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import {
  CircleAlert,
  CircleCheck,
  CircleStop,
  CircleX,
  ClipboardCheck,
  Container,
  FlagTriangleRight,
  Gauge,
  GitBranch,
  HardDriveDownload,
  Layers,
  LoaderCircle,
  type LucideIcon,
  PackageCheck,
  RotateCcw,
  ShieldX,
  StickyNote,
  Upload,
  Wrench,
} from "lucide-react";
import { classes } from "../../ui/classes.ts";
import { formatDuration } from "../../ui/format.ts";
import { Elapsed } from "../../ui/time.tsx";
import type { EntryOf, Stage } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { lookOf } from "../status.tsx";
import { SPEAKERS } from "./agent-entries.tsx";
import { EntryFrame, Foldable, type Tone } from "./frame.tsx";
import { Markdown } from "./markdown.tsx";
import { Output } from "./output.tsx";

type Props<Kind extends Parameters<typeof EntryFrame>[0]["entry"]["kind"]> = {
  entry: EntryOf<Kind>;
  by: Speaker;
  folds: Folds;
  runEnded: boolean;
};

const STAGE_ICONS: Record<Stage, LucideIcon> = {
  mirror: HardDriveDownload,
  image: Layers,
  setup: Wrench,
  sandbox: Container,
  clone: GitBranch,
  budget: Gauge,
  checkout: ClipboardCheck,
  results: PackageCheck,
  push: Upload,
};

export const StageLine = ({ entry, folds, runEnded }: Props<"stage">) => {
  const open = entry.state === "started";
  const duration = entry.durationMs !== null && (
    <span className="nums text-xs whitespace-nowrap text-ink-faint">{formatDuration(entry.durationMs)}</span>
  );
  const aside =
    entry.state === "failed" ? (
      <span className="flex shrink-0 gap-2">
        <span className="text-xs font-medium text-bad">failed</span>
        {duration}
      </span>
    ) : open && !runEnded ? (
      <Elapsed from={entry.at} to={null} className="nums text-xs text-accent" />
    ) : (
      duration
    );
  const text = (
    <span
      className={classes("min-w-0 [overflow-wrap:anywhere]", entry.state === "failed" ? "font-medium text-bad" : "text-ink-soft")}
    >
      {entry.text}
    </span>
  );
  const failed = entry.state === "failed";
  const printed = entry.output !== "" ? entry.output : entry.lines.join("\n");
  // What a set-up prints is watched while it runs.
  const isWatched = entry.output !== "" && open && !runEnded;
  return (
    <EntryFrame
      entry={entry}
      icon={open && !runEnded ? LoaderCircle : failed ? CircleX : STAGE_ICONS[entry.stage]}
      spin={open && !runEnded}
      tone={failed ? "bad" : open && !runEnded ? "accent" : "faint"}
    >
      {printed === "" ? (
        <div className="flex items-baseline justify-between gap-3">
          {text}
          {aside}
        </div>
      ) : (
        <Foldable foldKey={entry.key} folds={folds} summary={text} aside={aside} usually={failed || isWatched}>
          <Output text={printed} foldKey={`${entry.key}:out`} folds={folds} isError={failed} />
        </Foldable>
      )}
    </EntryFrame>
  );
};

/** What failed is given back with its output: so many lines of it are shown unasked, and so many once it is opened. */
const FEEDBACK_SHORT_LINES = 12;
const FEEDBACK_LINES = 80;

export const StepStart = ({ entry, folds }: Props<"step">) => {
  const { stepIndex, attempt, instructions, key } = entry;
  const isFeedback = attempt > 1;
  return (
    <div className="pt-3">
      <div className="rounded-lg border border-line bg-sunken px-3 py-2">
        <EntryFrame entry={entry} icon={isFeedback ? RotateCcw : FlagTriangleRight} tone="accent">
          {isFeedback ? (
            <Foldable
              foldKey={key}
              folds={folds}
              usually={instructions.split("\n").length <= FEEDBACK_SHORT_LINES}
              summary={<span className="font-semibold">Attempt {attempt}: what the agent was told</span>}
              aside={<span className="shrink-0 text-xs text-ink-faint">Step {stepIndex + 1}</span>}
            >
              <Output text={instructions} foldKey={`${key}:out`} folds={folds} lines={FEEDBACK_LINES} />
            </Foldable>
          ) : (
            <Foldable foldKey={key} folds={folds} usually summary={<span className="font-semibold">Step {stepIndex + 1}</span>}>
              <Markdown text={instructions} />
            </Foldable>
          )}
        </EntryFrame>
      </div>
    </div>
  );
};

export const StepEnd = ({ entry }: Props<"step_end">) => (
  <EntryFrame entry={entry} icon={entry.passed ? CircleCheck : CircleX} tone={entry.passed ? "ok" : "bad"}>
    <p className="font-medium">
      Step {entry.stepIndex + 1} {entry.passed ? "passed" : "did not pass"}
      {entry.attempt > 1 && <span className="font-normal text-ink-soft">, attempt {entry.attempt}</span>}
    </p>
  </EntryFrame>
);

export const Outcome = ({ entry, by }: Props<"outcome">) => (
  <EntryFrame
    entry={entry}
    icon={entry.outcome.kind === "failed" ? CircleAlert : CircleStop}
    tone={entry.outcome.kind === "failed" ? "bad" : "faint"}
  >
    <p className="font-medium [overflow-wrap:anywhere]">
      {entry.outcome.kind === "failed" ? entry.outcome.message : `${SPEAKERS[by].first} was interrupted`}
    </p>
  </EntryFrame>
);

export const Refused = ({ entry }: Props<"refused">) => {
  const { record, count } = entry;
  return (
    <EntryFrame entry={entry} icon={ShieldX} tone="warn">
      <p className="[overflow-wrap:anywhere]">
        <span className="font-medium text-warn">Refused </span>
        <code className="code">
          {record.host}:{record.port}
          {record.path}
        </code>
        {count > 1 && <span className="nums text-ink-faint"> × {count}</span>}
        <span className="text-ink-faint"> · {record.rule}</span>{" "}
        <Link
          from="/runs/$runId"
          to="."
          search={{ tab: "network", refused: true }}
          className="rounded text-xs font-medium whitespace-nowrap text-accent hover:underline"
        >
          See what can be done
        </Link>
      </p>
    </EntryFrame>
  );
};

export const Note = ({ entry }: Props<"note">) => (
  <EntryFrame entry={entry} icon={StickyNote}>
    <p className="whitespace-pre-wrap text-ink-soft [overflow-wrap:anywhere]">{entry.text}</p>
  </EntryFrame>
);

const STATUS_TONES: Record<RunStatus, Tone> = {
  queued: "faint",
  starting: "faint",
  running: "faint",
  waiting: "warn",
  canceling: "faint",
  succeeded: "ok",
  failed: "bad",
  errored: "warn",
  canceled: "faint",
};

export const StatusChange = ({ entry }: Props<"status">) => {
  const { icon, label } = lookOf(entry);
  const tone = STATUS_TONES[entry.status];
  if (!isFinal(entry.status)) {
    return (
      <EntryFrame
        entry={entry}
        icon={entry.status === "running" || entry.status === "starting" ? FlagTriangleRight : icon}
        tone={tone}
      >
        <p className="text-ink-faint">{entry.sentence}</p>
      </EntryFrame>
    );
  }
  return (
    <div
      className={classes(
        "mt-2 rounded-lg border px-3 py-2",
        {
          ok: "border-ok/30 bg-ok-soft",
          bad: "border-bad/30 bg-bad-soft",
          warn: "border-warn/30 bg-warn-soft",
          plain: "",
          accent: "",
          faint: "border-line bg-sunken",
        }[tone],
      )}
    >
      <EntryFrame entry={entry} icon={icon} tone={tone}>
        <p>
          <span className="font-semibold">{label}.</span> <span className="[overflow-wrap:anywhere]">{entry.sentence}</span>
        </p>
      </EntryFrame>
    </div>
  );
};
