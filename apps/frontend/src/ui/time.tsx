import { createContext, useContext, useSyncExternalStore } from "react";
import { classes } from "./classes.ts";
import { formatAgo, formatElapsed, formatMoment } from "./format.ts";

/** The moment at which every clock inside stands still; null: they go. */
export const FrozenClock = createContext<number | null>(null);

/** Draws again every `everyMs` while `running`, in step with every other clock of the page. */
const useTick = (everyMs: number, running: boolean): void => {
  useSyncExternalStore(
    (changed) => {
      if (!running) return () => {};
      const timer = setInterval(changed, everyMs);
      return () => clearInterval(timer);
    },
    () => (running ? Math.floor(Date.now() / everyMs) : 0),
  );
};

/** How long ago a moment is; the moment itself when pointed at. */
export const Ago = ({ at, className }: { at: string; className?: string }) => {
  useTick(30_000, true);
  return (
    <time dateTime={at} title={formatMoment(at)} className={className}>
      {formatAgo(at, Date.now())}
    </time>
  );
};

/** The time from `from` to `to`, or ticking while there is no `to`. */
export const Elapsed = ({ from, to, className }: { from: string; to: string | null; className?: string }) => {
  const frozenAt = useContext(FrozenClock);
  useTick(1000, to === null && frozenAt === null);
  const end = to === null ? (frozenAt ?? Date.now()) : Date.parse(to);
  return <span className={classes("whitespace-nowrap", className)}>{formatElapsed(end - Date.parse(from))}</span>;
};
