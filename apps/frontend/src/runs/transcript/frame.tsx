import { ChevronRight, Link2, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "../../ui/classes.ts";
import { formatClock, formatMoment } from "../../ui/format.ts";
import type { Entry } from "../entries/entry.ts";
import type { Folds } from "../page/use-run-stream.ts";

export type Tone = "plain" | "faint" | "accent" | "ok" | "bad" | "warn";
export const TONE_TEXT: Record<Tone, string> = {
  plain: "text-ink-soft",
  faint: "text-ink-faint",
  accent: "text-accent",
  ok: "text-ok",
  bad: "text-bad",
  warn: "text-warn",
};

/** What every entry has: its sign on the left, its time and the link to it on the right. */
export const EntryFrame = ({
  entry,
  icon: Icon,
  tone = "faint",
  spin = false,
  children,
}: {
  entry: Entry;
  icon: LucideIcon;
  tone?: Tone;
  spin?: boolean;
  children: ReactNode;
}) => (
  <div className="group/entry grid grid-cols-[1.5rem_minmax(0,1fr)_auto] gap-x-1.5">
    <Icon aria-hidden className={classes("mt-[0.1875rem] size-3.5", TONE_TEXT[tone], spin && "animate-spin")} />
    <div className="min-w-0">{children}</div>
    <a
      href={`#m${entry.seq}`}
      title={`Link to message ${entry.seq}, ${formatMoment(entry.at)}`}
      aria-label={`Link to message ${entry.seq}`}
      className="nums flex h-5 items-center gap-1 rounded pl-2 text-2xs text-ink-faint opacity-0 transition-opacity group-hover/entry:opacity-100 hover:text-accent focus-visible:opacity-100"
    >
      <span className="hidden sm:inline">{formatClock(entry.at)}</span>
      <Link2 aria-hidden className="size-3" />
    </a>
  </div>
);

/** A line that opens and closes what is below it. */
export const Foldable = ({
  foldKey,
  folds,
  usually = false,
  summary,
  aside,
  children,
  forceOpen = false,
}: {
  foldKey: string;
  folds: Folds;
  usually?: boolean;
  summary: ReactNode;
  /** On the right of the line. */
  aside?: ReactNode;
  children?: ReactNode;
  forceOpen?: boolean;
}) => {
  const open = forceOpen || folds.isOpen(foldKey, usually);
  return (
    <div className="min-w-0">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => folds.set(foldKey, !open)}
        className="group/fold inset-ring-focus flex w-full min-w-0 items-center gap-2 rounded text-left"
      >
        <span className="flex min-w-0 flex-1 items-baseline gap-2">{summary}</span>
        {aside}
        <ChevronRight
          aria-hidden
          className={classes(
            "size-3.5 shrink-0 text-ink-faint transition-transform group-hover/fold:text-ink",
            open && "rotate-90",
          )}
        />
      </button>
      {open && children !== undefined && <div className="pt-2">{children}</div>}
    </div>
  );
};
