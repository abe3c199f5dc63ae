import type { RunId, ShellEvent, ShellId, ShellOutcome } from "@ccr/protocol";
import type { Client } from "../../api/client.ts";
import { describeError, statusOf } from "../../api/errors.ts";
import { retryDelayMs } from "../../api/live/machine.ts";
import { onWake } from "../../api/waking.ts";
import { initialPosition, type Output, takeEvent } from "./position.ts";

export type ShellConnection = "connecting" | "live" | "reconnecting" | "ended";

export type ShellListener = {
  onOutput(output: Output): void;
  onConnection(connection: ShellConnection, problem: string | null): void;
  onEnded(outcome: ShellOutcome): void;
};

export interface ShellStream {
  start(): void;
  stop(): void;
  /** Tries again now. */
  wake(): void;
}

/** The shell is not there any more: it has ended with its sandbox, or nobody keeps it. */
const GONE: readonly (number | null)[] = [404, 409];

/** Follows a shell's output, each byte once, and heals whatever happens to the connection until the shell has ended. */
export const createShellStream = (options: {
  client: Client;
  runId: RunId;
  shellId: ShellId;
  listener: ShellListener;
  onUnauthorized: () => void;
}): ShellStream => {
  const { client, runId, shellId, listener, onUnauthorized } = options;
  let position = initialPosition;
  let close: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let phase: "idle" | "open" | "ended" = "idle";
  let stopListening: (() => void) | null = null;

  const disconnect = (): void => {
    clearTimeout(timer);
    close?.();
    close = null;
  };
  const end = (outcome: ShellOutcome): void => {
    phase = "ended";
    disconnect();
    listener.onConnection("ended", null);
    listener.onEnded(outcome);
  };
  const lost = (error: unknown): void => {
    disconnect();
    const status = statusOf(error);
    if (GONE.includes(status)) {
      end({ kind: "sandbox_ended" });
      return;
    }
    if (status === 401) onUnauthorized();
    failures += 1;
    listener.onConnection("reconnecting", error === null ? null : describeError(error));
    timer = setTimeout(connect, retryDelayMs(failures));
  };
  const take = (event: ShellEvent): void => {
    failures = 0;
    const taken = takeEvent(position, event);
    position = taken.position;
    if (event.type === "attached") listener.onConnection("live", null);
    if (taken.output !== null) listener.onOutput(taken.output);
    if (event.type === "ended") end(event.outcome);
  };
  const connect = (): void => {
    disconnect();
    let isMine = true;
    const guarded = (act: () => void): void => {
      if (isMine) act();
    };
    const subscription = client.shells.onOutput.subscribe(
      { runId, shellId, lastEventId: String(position.next) },
      {
        onData: ({ data }) => guarded(() => take(data)),
        onComplete: () => guarded(() => lost(null)),
        onError: (error) => guarded(() => lost(error)),
        // The browser would connect again by itself; healing has one way only.
        onConnectionStateChange: ({ state, error }) => {
          if (state === "connecting" && error !== null) guarded(() => lost(error));
        },
      },
    );
    close = () => {
      isMine = false;
      subscription.unsubscribe();
    };
  };
  const wake = (): void => {
    if (phase === "open") connect();
  };
  return {
    wake,
    start() {
      if (phase !== "idle") return;
      phase = "open";
      stopListening = onWake(wake);
      listener.onConnection("connecting", null);
      connect();
    },
    stop() {
      stopListening?.();
      disconnect();
      if (phase === "open") phase = "idle";
    },
  };
};
