import type { Connection } from "../../api/live/machine.ts";
import { classes } from "../../ui/classes.ts";

const LOOKS: Record<Connection, { label: string; dot: string; text: string; title: string }> = {
  loading: { label: "Loading", dot: "bg-ink-faint animate-pulse-dot", text: "text-ink-faint", title: "Reading the transcript." },
  live: { label: "Live", dot: "bg-ok", text: "text-ink-soft", title: "Messages are shown as they come." },
  reconnecting: {
    label: "Reconnecting",
    dot: "bg-warn animate-pulse-dot",
    text: "text-warn",
    title: "The connection was lost and is being made again. Nothing is left out.",
  },
  offline: {
    label: "Offline",
    dot: "bg-bad",
    text: "text-bad",
    title: "The server cannot be reached. This page goes on by itself when it can.",
  },
  ended: {
    label: "Complete",
    dot: "bg-ink-faint",
    text: "text-ink-faint",
    title: "The run has ended and every message is here.",
  },
  refused: { label: "Not readable", dot: "bg-bad", text: "text-bad", title: "The server does not give this transcript." },
};

/** Whether what is shown is the newest there is. */
export const ConnectionBadge = ({
  connection,
  problem,
  onRetry,
}: {
  connection: Connection;
  problem: string | null;
  onRetry: () => void;
}) => {
  const { label, dot, text, title } = LOOKS[connection];
  return (
    <div className={classes("flex shrink-0 items-center gap-2 pl-2 text-xs", text)}>
      <output className="flex items-center gap-1.5" title={problem ?? title}>
        <span aria-hidden className={classes("size-1.5 rounded-full", dot)} />
        <span className={connection === "live" || connection === "ended" ? "sr-only sm:not-sr-only" : ""}>{label}</span>
      </output>
      {(connection === "offline" || connection === "reconnecting") && (
        <button type="button" onClick={onRetry} className="rounded font-medium text-accent hover:underline">
          Try now
        </button>
      )}
    </div>
  );
};
