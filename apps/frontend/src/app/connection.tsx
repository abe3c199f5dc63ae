import { CloudOff, LoaderCircle, RefreshCw, Wifi } from "lucide-react";
import { useRef, useState } from "react";
import type { Unreachable } from "../api/reachability.ts";
import { useServerInfo } from "../api/server-info.ts";
import { useUnreachable } from "../api/use-unreachable.ts";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { formatClock } from "../ui/format.ts";

/** How the connection stands, in few words. Pure but for the reader's zone. */
const wordsOf = (unreachable: Unreachable | null, isKnown: boolean) => {
  if (unreachable?.what === "server")
    return {
      icon: CloudOff,
      tone: "text-warn",
      text: `Server away since ${formatClock(new Date(unreachable.since).toISOString())}`,
      short: "Away",
    };
  if (unreachable !== null) return { icon: LoaderCircle, tone: "text-warn", text: "Reconnecting…", short: "Reconnecting" };
  if (!isKnown) return { icon: LoaderCircle, tone: "text-ink-faint", text: "Connecting…", short: "Connecting" };
  return { icon: Wifi, tone: "text-ok", text: "Connected", short: "Live" };
};

/** Whether what is shown is live, on every page. */
export const ConnectionState = ({ className }: { className?: string }) => {
  const unreachable = useUnreachable();
  const info = useServerInfo();
  const { icon: Icon, tone, text, short } = wordsOf(unreachable, info !== undefined);
  return (
    <p
      title={info === undefined ? text : `${text} · ${info.driver.sentence}`}
      data-connection={short.toLowerCase()}
      className={classes("flex min-w-0 items-center gap-1.5 text-2xs", tone, className)}
    >
      <Icon aria-hidden className="size-3.5 shrink-0" />
      <span className="sr-only">Connection: </span>
      <span className="truncate">{text}</span>
    </p>
  );
};

/** The build that the page was opened with; true once the server tells of another one. */
const useDeployed = (): boolean => {
  const build = useServerInfo()?.build;
  const first = useRef(build);
  first.current ??= build;
  return build !== undefined && build !== first.current;
};

/** Says that the server has another version than this page, and offers to load it. Nothing is loaded anew by itself. */
export const NewVersion = () => {
  const isDeployed = useDeployed();
  const [isLater, setLater] = useState(false);
  return (
    <div role="status">
      {isDeployed && !isLater && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-accent/25 bg-accent-soft px-4 py-2 sm:px-5">
          <p className="flex min-w-0 flex-1 basis-64 items-center gap-2">
            <RefreshCw aria-hidden className="size-4 shrink-0 text-accent" />
            <span>The server was updated. Reload to use the new version; what you have typed in forms is kept in this tab.</span>
          </p>
          <span className="flex gap-2">
            <Button size="sm" tone="primary" onClick={() => location.reload()}>
              Reload
            </Button>
            <Button size="sm" onClick={() => setLater(true)}>
              Later
            </Button>
          </span>
        </div>
      )}
    </div>
  );
};
