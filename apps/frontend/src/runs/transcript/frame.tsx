import { ChevronRight, Link2, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "../../ui/classes.ts";
import { formatClock } from "../../ui/format.ts";
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

/** What every entry has: its sign, which is also the link to it and tells its time. */
export const EntryFrame = ({
  entry,
  icon: Icon,
  tone = "faint",
  spin = false,
  className,
  children,
}: {
  entry: Entry;
  icon: LucideIcon;
  tone?: Tone;
  spin?: boolean;
  className?: string;
  children: ReactNode;
}) => (
  <div className={classes("grid grid-cols-[1.25rem_minmax(0,1fr)] gap-x-2", className)}>
    <a
      href={`#m${entry.seq}`}
      // A transcript has hundreds of them: the keyboard goes to what can be opened.
      tabIndex={-1}
      title={`${formatClock(entry.at)} · link to message ${entry.seq}`}
      aria-label={`Link to message ${entry.seq}`}
      className={classes("group/link grid h-5 place-items-center rounded", TONE_TEXT[tone])}
    >
      <Icon aria-hidden className={classes("size-3.5 group-hover/link:hidden", spin && "animate-spin")} />
      <Link2 aria-hidden className="hidden size-3.5 text-accent group-hover/link:block" />
    </a>
    <div className="min-w-0">{children}</div>
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
  action,
}: {
  foldKey: string;
  folds: Folds;
  usually?: boolean;
  summary: ReactNode;
  /** On the right of the line. */
  aside?: ReactNode;
  children?: ReactNode;
  forceOpen?: boolean;
  /** A button of its own over the end of the line. */
  action?: ReactNode;
}) => {
  const open = forceOpen || folds.isOpen(foldKey, usually);
  return (
    <div className="min-w-0">
      <div className="relative flex min-w-0 items-center">
        <button
          type="button"
          aria-expanded={open}
          onClick={() => folds.set(foldKey, !open)}
          className="group/fold inset-ring-focus flex min-w-0 flex-1 items-center gap-2 rounded text-left"
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
        {action}
      </div>
      {open && children !== undefined && <div className="pt-2">{children}</div>}
    </div>
  );
};
