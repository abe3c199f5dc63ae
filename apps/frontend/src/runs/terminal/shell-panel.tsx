import type { RunId, Shell, ShellSize } from "@ccr/protocol";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { useApi } from "../../api/client.ts";
import { statusOf } from "../../api/errors.ts";
import { useUnreachable } from "../../api/use-unreachable.ts";
import { Button } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { useToasts } from "../../ui/toast.tsx";
import { openScreen, type Screen } from "./screen.ts";
import { createShellStream, type ShellConnection } from "./shell-stream.ts";
import { createTyping, type Sent } from "./typing.ts";
import { outcomeWords } from "./words.ts";

/** Keys that a screen without a keyboard has not. */
const KEYS = [
  { label: "Esc", name: "Escape", text: "\u001b" },
  { label: "Tab", name: "Tab", text: "\t" },
  { label: "^C", name: "Control C", text: "\u0003" },
  { label: "^D", name: "Control D", text: "\u0004" },
  { label: "↑", name: "Arrow up", text: "\u001b[A" },
  { label: "↓", name: "Arrow down", text: "\u001b[B" },
] as const;

const LABELS: Record<ShellConnection, string> = {
  connecting: "Connecting",
  live: "Shell connected",
  reconnecting: "Reconnecting. What is typed now arrives later.",
  ended: "Ended",
};

/** A name of our own for whoever types here, so that what is sent again is typed once. */
const newWriter = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const isLost = (status: number | null): boolean => status === null || status >= 500;

/** One shell: its terminal, and how the connection to it is. */
export const ShellPanel = ({
  runId,
  shell,
  name,
  screenReader,
  isNew,
  onEnded,
  onLeave,
  another,
}: {
  runId: RunId;
  shell: Shell;
  name: string;
  screenReader: boolean;
  /** It was just opened by this page: whoever did wants to type. */
  isNew: boolean;
  onEnded: () => void;
  /** Somebody leaves the terminal by keyboard. */
  onLeave: () => void;
  /** Opens another one when this one has ended; false where none can be. */
  another: ReactNode;
}) => {
  const { client, onUnauthorized } = useApi();
  const toasts = useToasts();
  const hint = useId();
  const host = useRef<HTMLDivElement>(null);
  const screen = useRef<Screen | null>(null);
  const wake = useRef(() => {});
  const [connection, setConnection] = useState<ShellConnection>("connecting");
  // What is read when it is needed, and changes nothing that is open.
  const now = useRef({ screenReader, isNew, name, onEnded, onLeave, toasts });
  now.current = { screenReader, isNew, name, onEnded, onLeave, toasts };
  const { id: shellId } = shell;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const writer = newWriter();
    const send = async (n: number, text: string): Promise<Sent> => {
      try {
        await client.shells.input.mutate({ runId, shellId, writer, n, text });
        return "taken";
      } catch (error) {
        const status = statusOf(error);
        if (status === 401) onUnauthorized();
        return isLost(status) ? "again" : "refused";
      }
    };
    const typing = createTyping({ send, onRefused: () => wake.current() });
    let resizing: ReturnType<typeof setTimeout> | undefined;
    const onSize = (size: ShellSize): void => {
      clearTimeout(resizing);
      // While a window is pulled larger it has many sizes.
      resizing = setTimeout(() => {
        client.shells.resize.mutate({ runId, shellId, ...size }).catch(() => {}); // the next size is told again
      }, 100);
    };
    const opened = openScreen({
      host: element,
      label: `Terminal of ${now.current.name}`,
      describedBy: hint,
      screenReader: now.current.screenReader,
      onTyped: typing.type,
      onSize,
      onLeave: () => now.current.onLeave(),
      onCopyFailed: (error) => now.current.toasts.error(error),
    });
    screen.current = opened;
    const stream = createShellStream({
      client,
      runId,
      shellId,
      onUnauthorized,
      listener: {
        onOutput: opened.show,
        onConnection: setConnection,
        onEnded: (outcome) => {
          typing.stop();
          opened.tell(`This shell has ${outcomeWords(outcome)}`.replace("has closed", "was closed"));
          opened.end();
          now.current.onEnded();
        },
      },
    });
    wake.current = stream.wake;
    stream.start();
    if (now.current.isNew) opened.focus();
    return () => {
      clearTimeout(resizing);
      stream.stop();
      typing.stop();
      opened.dispose();
      screen.current = null;
    };
  }, [client, onUnauthorized, runId, shellId, hint]);

  useEffect(() => screen.current?.setScreenReader(screenReader), [screenReader]);
  // The next try may be many seconds away when the server is back.
  const serverGone = useUnreachable()?.what === "server";
  useEffect(() => {
    if (serverGone) return () => wake.current();
  }, [serverGone]);

  const ended = connection === "ended";
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="min-h-0 flex-1 bg-surface p-2 pr-0">
        <div ref={host} className="h-full min-h-24 overflow-hidden bg-surface text-ink" />
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-t border-line px-3 py-1.5 text-xs text-ink-soft">
        <output className="flex items-center gap-1.5">
          <span
            aria-hidden
            className={classes(
              "size-1.5 rounded-full",
              connection === "live" ? "bg-ok" : ended ? "bg-ink-faint" : "animate-pulse-dot bg-warn",
            )}
          />
          {LABELS[connection]}
        </output>
        <p id={hint} className={classes("min-w-0", ended && "hidden")}>
          <kbd className="code text-2xs">Ctrl+.</kbd> leaves the terminal.
        </p>
        {ended && another !== false && <div className="ml-auto">{another}</div>}
        {!ended && (
          <fieldset aria-label="Keys" className="ml-auto flex flex-wrap gap-1 pointer-fine:hidden">
            {KEYS.map(({ label, name: keyName, text }) => (
              <Button
                key={label}
                size="sm"
                className="min-w-8 px-1.5"
                aria-label={keyName}
                onClick={() => screen.current?.press(text)}
              >
                {label}
              </Button>
            ))}
          </fieldset>
        )}
      </div>
    </div>
  );
};
