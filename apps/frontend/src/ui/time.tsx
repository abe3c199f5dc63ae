import { useSyncExternalStore } from "react";
import { formatAgo, formatElapsed, formatMoment } from "./format.ts";

/** The current moment, renewed every `everyMs` while `running`; in step with every other clock of the page. */
export const useNow = (everyMs: number, running = true): number => {
  const now = useSyncExternalStore(
    (changed) => {
      if (!running) return () => {};
      const timer = setInterval(changed, everyMs);
      return () => clearInterval(timer);
    },
    () => Math.floor(Date.now() / everyMs),
  );
  return now * everyMs;
};

/** How long ago a moment is; the moment itself when pointed at. */
export const Ago = ({ at, className }: { at: string; className?: string }) => {
  useNow(30_000);
  return (
    <time dateTime={at} title={formatMoment(at)} className={className}>
      {formatAgo(at, Date.now())}
    </time>
  );
};

/** The time from `from` to `to`, or ticking while there is no `to`. */
export const Elapsed = ({ from, to, className }: { from: string; to: string | null; className?: string }) => {
  useNow(1000, to === null);
  const end = to === null ? Date.now() : Date.parse(to);
  return <span className={className}>{formatElapsed(end - Date.parse(from))}</span>;
};
